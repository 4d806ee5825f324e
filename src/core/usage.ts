// Tokens and money of a job: adding them up, pricing them, guessing them when a provider stays silent.

/** What was used, in tokens and US dollars. `input_tokens` includes the cached ones, `output_tokens` the reasoning ones. */
export type Usage = {
  input_tokens: number;
  output_tokens: number;
  cached_tokens: number;
  reasoning_tokens: number;
  /** Null when the model has no price in PROVIDERS. */
  cost_usd: number | null;
  /** True when the provider sent no count, so that some of it is a guess. */
  estimated?: true;
};

/** US dollars per million tokens. */
export type Price = { input: number; cached_input?: number; output?: number };

export const NO_USAGE: Usage = {
  input_tokens: 0,
  output_tokens: 0,
  cached_tokens: 0,
  reasoning_tokens: 0,
  cost_usd: 0,
};

export function addUsage(a: Usage, b: Usage): Usage {
  const sum: Usage = {
    input_tokens: a.input_tokens + b.input_tokens,
    output_tokens: a.output_tokens + b.output_tokens,
    cached_tokens: a.cached_tokens + b.cached_tokens,
    reasoning_tokens: a.reasoning_tokens + b.reasoning_tokens,
    cost_usd: a.cost_usd === null || b.cost_usd === null ? null : roundUsd(a.cost_usd + b.cost_usd),
  };
  return a.estimated || b.estimated ? { ...sum, estimated: true } : sum;
}

type Tokens = Pick<Usage, "input_tokens" | "output_tokens" | "cached_tokens">;

/** Cost in US dollars; cached input is charged at its own price where there is one. Null without a price. */
export function costUsd(tokens: Tokens, price: Price | null): number | null {
  if (!price) return null;
  const cachedPrice = price.cached_input ?? price.input;
  const fresh = Math.max(0, tokens.input_tokens - tokens.cached_tokens);
  const perMillion =
    fresh * price.input + tokens.cached_tokens * cachedPrice + tokens.output_tokens * (price.output ?? 0);
  return roundUsd(perMillion / 1e6);
}

// Sums of floats drift; a billionth of a dollar is finer than any price list.
function roundUsd(usd: number): number {
  return Math.round(usd * 1e9) / 1e9;
}

/** A rough count for text of unknown tokenizer: four characters a token (English prose; provider docs give the same rule). */
export function estimateTokens(text: string): number {
  return Math.ceil(text.length / 4);
}
