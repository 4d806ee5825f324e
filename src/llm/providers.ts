// The PROVIDERS variable: which model providers there are, their models, limits and prices.

import { z } from "zod";
import { issueTexts, parseJson } from "./settings";

const limits = {
  /** Requests per minute. */
  rpm: z.int().positive().optional(),
  /** Tokens per minute. */
  tpm: z.int().positive().optional(),
  /** Requests and tokens per day (UTC). */
  rpd: z.int().positive().optional(),
  tpd: z.int().positive().optional(),
  /** Calls at the same time. */
  concurrency: z.int().positive().optional(),
  /** Finds the provider's limits by itself, from its headers and its 429s. */
  adaptive: z.boolean().optional(),
  context_tokens: z.int().positive().optional(),
};

const usd = z.number().nonnegative();

const price = z.strictObject({ input: usd, cached_input: usd.optional(), output: usd.optional() });

const modelName = z.string().regex(/^\S+$/, "expected a name without spaces");

const chatModel = z.strictObject({
  name: modelName,
  kind: z.literal("chat"),
  ...limits,
  price: price.optional(),
});

const embeddingModel = z.strictObject({
  name: modelName,
  kind: z.literal("embedding"),
  ...limits,
  /** Texts in one call. */
  max_inputs: z.int().positive().optional(),
  max_tokens_per_call: z.int().positive().optional(),
  price: price.optional(),
});

// `#` stands between a pool's model and its key.
const isSecretName = (name: unknown) => typeof name === "string" && /^[^\s#]+$/.test(name);

/** A name, or several different ones. */
function areSecretNames(key: unknown): boolean {
  const names = [key].flat();
  return names.length > 0 && names.every(isSecretName) && new Set(names).size === names.length;
}

const provider = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9-]+$/, "expected lowercase letters, digits and hyphens")
    .refine((name) => name !== "sandbox", '"sandbox" is taken by the built-in provider'),
  base_url: z.url({ protocol: /^https?$/, error: "expected an http or https URL" }),
  /**
   * The name of the secret that holds the API key, or several of them, each with limits of its own; left out where none is
   * needed, as with Ollama.
   */
  key: z
    .custom<string | string[]>(areSecretNames, {
      error: "expected the name of a secret, or a list of different names, without spaces and #",
    })
    .optional(),
  /** Empty: any model name is accepted, without price or limits. */
  models: z
    .array(
      z.discriminatedUnion("kind", [chatModel, embeddingModel], {
        error: (issue) => (issue.code === "invalid_union" ? 'expected "chat" or "embedding"' : undefined),
      }),
    )
    .default([]),
});

export type Provider = z.infer<typeof provider>;
export type ProviderModel = Provider["models"][number];

/** The names of the secrets that hold its API keys. */
export function keyNames({ key }: Provider): string[] {
  return key === undefined ? [] : [key].flat();
}

export type ParsedProviders = { ok: true; value: Provider[] } | { ok: false; problems: string[] };

/** Reads the JSON text of PROVIDERS, and names everything that is wrong with it at once. */
export function parseProviders(json: string): ParsedProviders {
  const raw = parseJson(json);
  if (raw === undefined) return { ok: false, problems: ["PROVIDERS: not valid JSON"] };
  const parsed = z.array(provider).safeParse(raw);
  const problems = [
    ...(parsed.error?.issues.flatMap((issue) => issueTexts("PROVIDERS", issue)) ?? []),
    ...repeatedNames(raw),
  ];
  return parsed.success && problems.length === 0 ? { ok: true, value: parsed.data } : { ok: false, problems };
}

// Not a refinement of the schema: zod skips those as long as anything else is wrong, and a setup that is
// mended one complaint at a time takes a deploy each.
function repeatedNames(raw: unknown): string[] {
  return namesOf(raw).flatMap(({ name, entry, index, all }) => [
    ...(all.indexOf(name) < index ? [`PROVIDERS[${index}].name: "${name}" is used twice`] : []),
    ...namesOf(entry.models).flatMap((model) =>
      model.all.indexOf(model.name) < model.index
        ? [`PROVIDERS[${index}].models[${model.index}].name: "${model.name}" is used twice`]
        : [],
    ),
  ]);
}

const named = z.looseObject({ name: z.string() });

function namesOf(list: unknown) {
  const entries = z.array(z.unknown()).safeParse(list).data ?? [];
  const parsed = entries.map((entry) => named.safeParse(entry).data);
  const all = parsed.map((entry) => entry?.name);
  return parsed.flatMap((entry, index) => (entry ? [{ name: entry.name, entry, index, all }] : []));
}
