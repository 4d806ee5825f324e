// The catalogue of models: from the name in a request to the model, its provider, price and limits.

import { AppError } from "../core/errors";
import type { PoolLimits } from "../core/gate/ticket";
import type { Choice } from "../core/route";
import type { Price } from "../core/usage";
import type { AliasTarget } from "./aliases";
import { keyNames, type Provider, type ProviderModel } from "./providers";

export type ModelKind = "chat" | "embedding";

export type Model = {
  /** `provider/name`, as jobs carry it. */
  model: string;
  provider: string;
  /** As the provider calls it. */
  name: string;
  kind: ModelKind;
  price: Price | null;
  /** Its pool's name, by the first key: that of the model without options. */
  pool: string;
  /** The names of its provider's secrets. Each has limits, and so a pool, of its own. */
  keys: string[];
  limits: PoolLimits;
  adaptive: boolean;
  contextTokens: number | null;
  /** Embeddings: how many texts one call may hold, and how many tokens. */
  maxInputs: number;
  maxTokensPerCall: number;
};

export type CatalogueOptions = {
  providers: Provider[];
  /** Short name -> `provider/model`, or several of them. */
  aliases: Record<string, string | AliasTarget[]>;
  defaultModel: string | null;
  sandbox: boolean;
};

export type Catalogue = {
  /** `name`: `provider/model`, an alias (of several: its first), or undefined for the default of that kind. */
  resolve(name: string | undefined, kind: ModelKind): Model;
  /** All that an alias stands for, in its order; one for every other name. */
  resolveAll(name: string | undefined, kind: ModelKind): [Candidate, ...Candidate[]];
  /** The model of a job; null when it was taken off the list since. */
  find(model: string, kind: ModelKind): Model | null;
  /** Every model that is listed by name. */
  list(): Model[];
  provider(name: string): Provider;
};

/** A model that a job may run on. */
export type Candidate = { model: Model; weight: Choice["weight"] };

// What OpenAI takes in one embeddings call; servers that take less say so in PROVIDERS.
const MAX_INPUTS = 2048;
const MAX_TOKENS_PER_CALL = 300_000;

const KNOWN_NAMES_SHOWN = 20;

const SANDBOX: Provider = {
  name: "sandbox",
  // Never called: the `.invalid` domain makes a mistake fail, not leak.
  base_url: "https://sandbox.invalid/v1",
  models: [
    { name: "chat", kind: "chat", price: { input: 0, output: 0 } },
    { name: "limited", kind: "chat", rpm: 60, tpm: 20_000, concurrency: 4, price: { input: 0, output: 0 } },
    { name: "embedding", kind: "embedding", price: { input: 0 } },
  ],
};

export function createCatalogue(options: CatalogueOptions): Catalogue {
  const providers = options.sandbox ? [...options.providers, SANDBOX] : options.providers;
  const names: Names = {
    providers: new Map(providers.map((provider) => [provider.name, provider])),
    listed: providers.flatMap((provider) => provider.models.map((model) => toModel(provider, model))),
    aliases: new Map(Object.entries(options.aliases).map(([name, to]) => [name, toTargets(to)])),
  };
  const resolveAll = (name: string | undefined, kind: ModelKind) => {
    if (providers.length === 0) throw new AppError("no_model_configured");
    return name === undefined ? defaults(names, options.defaultModel, kind) : named(names, name, kind);
  };
  return {
    resolve: (name, kind) => resolveAll(name, kind)[0].model,
    resolveAll,
    find(model, kind) {
      const found = findModel(names, model, kind);
      return found?.kind === kind ? found : null;
    },
    list: () => names.listed,
    provider(name) {
      const provider = names.providers.get(name);
      if (!provider) throw new AppError("unknown_model", { message: `There is no provider "${name}".` });
      return provider;
    },
  };
}

type Names = { providers: Map<string, Provider>; listed: Model[]; aliases: Map<string, AliasTarget[]> };

/** At least one. */
type Candidates = [Candidate, ...Candidate[]];

function toTargets(to: string | AliasTarget[]): AliasTarget[] {
  return typeof to === "string" ? [{ model: to, weight: null }] : to;
}

/** Throws when one of them is unknown, or of another kind. */
function named(names: Names, name: string, kind: ModelKind): Candidates {
  const candidates = candidatesOf(names, name, kind, "input.model");
  for (const { model } of candidates) if (model.kind !== kind) throw wrongKind(name, model, kind);
  return candidates;
}

function candidatesOf(names: Names, name: string, kindIfUnlisted: ModelKind, param: string): Candidates {
  const targets = names.aliases.get(name) ?? [{ model: name, weight: null }];
  const [first, ...others] = targets.map(({ model, weight }) => {
    const found = findModel(names, model, kindIfUnlisted);
    if (!found) throw unknownModel(names, name, model, param);
    return { model: found, weight };
  });
  if (!first) throw unknownModel(names, name, name, param);
  return [first, ...others];
}

/** Null: no such model. A provider that lists none is taken at the word for the kind. */
function findModel(names: Names, full: string, kindIfUnlisted: ModelKind): Model | null {
  const slash = full.indexOf("/");
  const provider = names.providers.get(full.slice(0, slash));
  const modelName = full.slice(slash + 1);
  if (slash < 1 || !provider || !modelName) return null;
  const known = provider.models.find((model) => model.name === listedName(provider, modelName));
  if (known) return toModel(provider, { ...known, name: modelName });
  return provider.models.length === 0 ? toModel(provider, { name: modelName, kind: kindIfUnlisted }) : null;
}

function defaults(names: Names, configured: string | null, kind: ModelKind): Candidates {
  if (configured) {
    // A model that is not listed could be of either kind. People name a chat model here.
    const candidates = candidatesOf(names, configured, "chat", "DEFAULT_MODEL");
    if (candidates.every(({ model }) => model.kind === kind)) return candidates;
  }
  const first = names.listed.find((model) => model.kind === kind);
  if (first) return [{ model: first, weight: null }];
  const message = `No ${kind} model is listed in PROVIDERS. List one, or name a model in input.model.`;
  throw new AppError("no_model_configured", { param: "input.model", message });
}

// The sandbox's models carry their options in the name: `chat!tps=50`.
function listedName(provider: Provider, modelName: string): string | undefined {
  return provider === SANDBOX ? modelName.split("!")[0] : modelName;
}

function toModel(provider: Provider, model: ProviderModel): Model {
  const embedding = model.kind === "embedding" ? model : undefined;
  return {
    model: `${provider.name}/${model.name}`,
    provider: provider.name,
    name: model.name,
    kind: model.kind,
    price: model.price ?? null,
    pool: `${provider.name}/${listedName(provider, model.name)}`,
    keys: keyNames(provider),
    limits: {
      rpm: model.rpm ?? null,
      tpm: model.tpm ?? null,
      rpd: model.rpd ?? null,
      tpd: model.tpd ?? null,
      concurrency: model.concurrency ?? null,
    },
    adaptive: model.adaptive ?? false,
    contextTokens: model.context_tokens ?? null,
    maxInputs: embedding?.max_inputs ?? MAX_INPUTS,
    maxTokensPerCall: embedding?.max_tokens_per_call ?? MAX_TOKENS_PER_CALL,
  };
}

function unknownModel(names: Names, name: string, full: string, param: string): AppError {
  const open = [...names.providers.values()].filter((provider) => provider.models.length === 0);
  const known = [
    ...names.listed.map((model) => model.model),
    ...open.map((provider) => `${provider.name}/*`),
    ...names.aliases.keys(),
  ];
  const more = known.length > KNOWN_NAMES_SHOWN ? `, and ${known.length - KNOWN_NAMES_SHOWN} more` : "";
  const shown = known.slice(0, KNOWN_NAMES_SHOWN).join(", ") + more;
  const leads = name === full ? "" : `, to which the alias "${name}" leads`;
  const message = `There is no model "${full}"${leads}. Known: ${shown}. Use one of these, or add it to PROVIDERS.`;
  return new AppError("unknown_model", { param, message });
}

function wrongKind(name: string, model: Model, wanted: ModelKind): AppError {
  const task = wanted === "chat" ? "generate" : "embed";
  const what = name === model.model ? `"${name}" is` : `The alias "${name}" leads to "${model.model}",`;
  const message = `${what} ${article(model.kind)} model; task ${task} needs ${article(wanted)} model.`;
  return new AppError("unknown_model", { param: "input.model", message });
}

function article(kind: ModelKind): string {
  return kind === "chat" ? "a chat" : "an embedding";
}
