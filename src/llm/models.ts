// The catalogue of models: from the name in a request to the model, its provider, price and limits.

import { AppError } from "../core/errors";
import type { PoolLimits } from "../core/gate/ticket";
import type { Price } from "../core/usage";
import type { Provider, ProviderModel } from "./providers";

export type ModelKind = "chat" | "embedding";

export type Model = {
  /** `provider/name`, as jobs carry it. */
  model: string;
  provider: string;
  /** As the provider calls it. */
  name: string;
  kind: ModelKind;
  price: Price | null;
  /** Its pool's name: that of the model without options. */
  pool: string;
  limits: PoolLimits;
  adaptive: boolean;
  contextTokens: number | null;
  /** Embeddings: how many texts one call may hold, and how many tokens. */
  maxInputs: number;
  maxTokensPerCall: number;
};

export type CatalogueOptions = {
  providers: Provider[];
  /** Short name -> `provider/model`. */
  aliases: Record<string, string>;
  defaultModel: string | null;
  sandbox: boolean;
};

export type Catalogue = {
  /** `name`: `provider/model`, an alias, or undefined for the default of that kind. */
  resolve(name: string | undefined, kind: ModelKind): Model;
  /** Every model that is listed by name. */
  list(): Model[];
  provider(name: string): Provider;
};

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
    aliases: new Map(Object.entries(options.aliases)),
  };
  return {
    resolve(name, kind) {
      if (providers.length === 0) throw new AppError("no_model_configured");
      if (name === undefined) return defaultModel(names, options.defaultModel, kind);
      const model = findModel(names, name, kind);
      if (!model) throw unknownModel(names, name, "input.model");
      if (model.kind !== kind) throw wrongKind(name, model, kind);
      return model;
    },
    list: () => names.listed,
    provider(name) {
      const provider = names.providers.get(name);
      if (!provider) throw new AppError("unknown_model", { message: `There is no provider "${name}".` });
      return provider;
    },
  };
}

type Names = { providers: Map<string, Provider>; listed: Model[]; aliases: Map<string, string> };

/** Null: no such model. A provider that lists none is taken at the word for the kind. */
function findModel(names: Names, name: string, kindIfUnlisted: ModelKind): Model | null {
  const full = names.aliases.get(name) ?? name;
  const slash = full.indexOf("/");
  const provider = names.providers.get(full.slice(0, slash));
  const modelName = full.slice(slash + 1);
  if (slash < 1 || !provider || !modelName) return null;
  const known = provider.models.find((model) => model.name === listedName(provider, modelName));
  if (known) return toModel(provider, { ...known, name: modelName });
  return provider.models.length === 0 ? toModel(provider, { name: modelName, kind: kindIfUnlisted }) : null;
}

function defaultModel(names: Names, configured: string | null, kind: ModelKind): Model {
  if (configured) {
    // A model that is not listed could be of either kind. People name a chat model here.
    const model = findModel(names, configured, "chat");
    if (!model) throw unknownModel(names, configured, "DEFAULT_MODEL");
    if (model.kind === kind) return model;
  }
  const first = names.listed.find((model) => model.kind === kind);
  if (first) return first;
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

function unknownModel(names: Names, name: string, param: string): AppError {
  const open = [...names.providers.values()].filter((provider) => provider.models.length === 0);
  const known = [
    ...names.listed.map((model) => model.model),
    ...open.map((provider) => `${provider.name}/*`),
    ...names.aliases.keys(),
  ];
  const more = known.length > KNOWN_NAMES_SHOWN ? `, and ${known.length - KNOWN_NAMES_SHOWN} more` : "";
  const shown = known.slice(0, KNOWN_NAMES_SHOWN).join(", ") + more;
  const message = `There is no model "${name}". Known: ${shown}. Use one of these, or add it to PROVIDERS.`;
  return new AppError("unknown_model", { param, message });
}

function wrongKind(name: string, model: Model, wanted: ModelKind): AppError {
  const task = wanted === "chat" ? "generate" : "embed";
  const message = `"${name}" is ${article(model.kind)} model; task ${task} needs ${article(wanted)} model.`;
  return new AppError("unknown_model", { param: "input.model", message });
}

function article(kind: ModelKind): string {
  return kind === "chat" ? "a chat" : "an embedding";
}
