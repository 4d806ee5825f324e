// The MODEL_ALIASES variable: short names, each for one model or for several that share the work.

import { z } from "zod";
import { issueTexts, parseJson } from "./settings";

/** `weight`: its share of the jobs beside the others; null: not said. */
export type AliasTarget = { model: string; weight: number | null };

export type Aliases = Record<string, AliasTarget[]>;

export type ParsedAliases = { ok: true; value: Aliases } | { ok: false; problems: string[] };

const modelName = z.string().min(1);

// Not unions: what is wrong with one of their shapes would be told as "invalid input".
const target = z.preprocess(
  (entry) => (typeof entry === "string" ? { model: entry } : entry),
  z.strictObject({ model: modelName, weight: z.number().min(0).max(1_000_000).nullable().default(null) }),
);

const aliases = z.record(
  z.string(),
  z.preprocess((value) => (typeof value === "string" ? [value] : value), z.array(target).min(1)),
);

/** Reads the JSON text of MODEL_ALIASES, and names everything that is wrong with it at once. */
export function parseAliases(json: string): ParsedAliases {
  const raw = parseJson(json);
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    const message = 'expected a JSON object of names, such as {"fast": "openai/gpt-5-mini"}';
    return { ok: false, problems: [`MODEL_ALIASES: ${message}`] };
  }
  const parsed = aliases.safeParse(raw);
  if (!parsed.success) {
    return {
      ok: false,
      problems: parsed.error.issues.flatMap((issue) => issueTexts("MODEL_ALIASES", issue)),
    };
  }
  const problems = Object.entries(parsed.data).flatMap(([name, listed]) => unusable(name, listed));
  return problems.length === 0 ? { ok: true, value: parsed.data } : { ok: false, problems };
}

function unusable(name: string, listed: AliasTarget[]): string[] {
  const models = listed.map(({ model }) => model);
  const repeated = models.flatMap((model, i) =>
    models.indexOf(model) < i ? [`MODEL_ALIASES.${name}[${i}].model: "${model}" is used twice`] : [],
  );
  const idle = listed.every(({ weight }) => weight === 0);
  return idle ? [...repeated, `MODEL_ALIASES.${name}: expected a weight above 0`] : repeated;
}
