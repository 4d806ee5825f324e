// Embeddings of any number of texts, in as many provider calls as the provider's limits ask for.

import type OpenAI from "openai";
import { AppError } from "../core/errors";
import { estimateTokens } from "../core/usage";
import type { EmbedRequest } from "./llm";
import type { Model } from "./models";
import type { TokenCounts } from "./provider-call";

export type CallLimits = Pick<Model, "maxInputs" | "maxTokensPerCall">;

/** Cuts a list into calls, in order. A text over the limit by itself goes alone: the provider decides. */
export function splitInputs(inputs: string[], limits: CallLimits): string[][] {
  const slices: string[][] = [];
  let slice: string[] = [];
  let sliceTokens = 0;
  for (const input of inputs) {
    const tokens = tokensAtMost(input);
    const full = slice.length >= limits.maxInputs || sliceTokens + tokens > limits.maxTokensPerCall;
    if (full && slice.length > 0) {
      slices.push(slice);
      slice = [];
      sliceTokens = 0;
    }
    slice.push(input);
    sliceTokens += tokens;
  }
  return slice.length > 0 ? [...slices, slice] : slices;
}

// The usual four characters a token would overfill a call with Chinese or emoji; three bytes a token is a
// third too careful for English, and one call more costs nothing.
function tokensAtMost(text: string): number {
  return Math.ceil(new TextEncoder().encode(text).length / 3);
}

type EmbedCall = {
  client: OpenAI;
  model: Model;
  inputs: string[];
  request: EmbedRequest;
  signal: AbortSignal;
  onUsage(tokens: TokenCounts): void;
};

/** One provider call: a vector per input, in order. */
export async function embedSlice(call: EmbedCall): Promise<number[][]> {
  const { client, model, inputs, request, signal } = call;
  const response = await client.embeddings.create(
    {
      dimensions: request.dimensions,
      // Explicit, or the SDK asks for base64, which some compatible servers ignore and some refuse.
      encoding_format: "float",
      ...request.provider_options,
      // After the options: the job is priced and split as this model's.
      model: model.name,
      input: inputs,
    },
    { signal },
  );
  const inputTokens = response?.usage?.prompt_tokens;
  if (inputTokens !== undefined) call.onUsage(embedTokens(inputTokens));
  return orderedVectors(response, inputs.length);
}

export function estimateEmbedTokens(inputs: string[]): TokenCounts {
  return embedTokens(inputs.reduce((sum, input) => sum + estimateTokens(input), 0));
}

function embedTokens(inputTokens: number): TokenCounts {
  return { input_tokens: inputTokens, output_tokens: 0, cached_tokens: 0, reasoning_tokens: 0 };
}

function orderedVectors(response: OpenAI.CreateEmbeddingResponse, expected: number): number[][] {
  const data = Array.isArray(response?.data) ? response.data : [];
  // By `index` where there is one: the order of `data` is promised by OpenAI, not by all who imitate it.
  const byIndex = new Map(data.map((item, position) => [item.index ?? position, item.embedding]));
  const vectors = Array.from({ length: expected }, (_, index) => byIndex.get(index));
  const complete = vectors.filter((vector) => Array.isArray(vector));
  if (data.length === expected && complete.length === expected) return complete;
  const message = `The provider sent ${complete.length} usable vectors for ${expected} inputs.`;
  throw new AppError("provider_error", { message });
}
