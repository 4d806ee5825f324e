// The PROVIDERS variable: which model providers there are, their models, limits and prices.

import { z } from "zod";

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

const provider = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9-]+$/, "expected lowercase letters, digits and hyphens")
    .refine((name) => name !== "sandbox", '"sandbox" is taken by the built-in provider'),
  base_url: z.url({ protocol: /^https?$/, error: "expected an http or https URL" }),
  /** The name of the secret that holds the API key; left out where none is needed, as with Ollama. */
  key: z.string().min(1).optional(),
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

export type ParsedProviders = { ok: true; value: Provider[] } | { ok: false; problems: string[] };

/** Reads the JSON text of PROVIDERS, and names everything that is wrong with it at once. */
export function parseProviders(json: string): ParsedProviders {
  const raw = parseJson(json);
  if (raw === undefined) return { ok: false, problems: ["PROVIDERS: not valid JSON"] };
  const parsed = z.array(provider).safeParse(raw);
  const problems = [...(parsed.error?.issues.flatMap(issueTexts) ?? []), ...repeatedNames(raw)];
  return parsed.success && problems.length === 0 ? { ok: true, value: parsed.data } : { ok: false, problems };
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function issueTexts(issue: z.core.$ZodIssue): string[] {
  const at = pathText(issue.path);
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => `${at}.${key}: unknown field`);
  const words = issue.message
    .replace(/^Invalid input: /, "")
    .replace(/, received undefined$/, ", but it is missing")
    .replace(/, received /, ", got ");
  return [`${at}: ${words}`];
}

function pathText(path: PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) => (typeof key === "number" ? `${text}[${key}]` : `${text}.${String(key)}`),
    "PROVIDERS",
  );
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
