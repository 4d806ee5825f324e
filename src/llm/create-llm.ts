// Joins catalogue, client, chat and embeddings into the `Llm` that a task sees.

import { addUsage, NO_USAGE } from "../core/usage";
import { emptyAnswer, estimateChatTokens, streamChat } from "./chat";
import { embedSlice, estimateEmbedTokens, splitInputs } from "./embeddings";
import type { ChatRequest, ChatResult, EmbedRequest, EmbedResult, Llm } from "./llm";
import type { Catalogue, Model } from "./models";
import { type CallDeps, callProvider, type TokenCounts } from "./provider-call";

export type LlmDeps = CallDeps & { catalogue: Catalogue };

/** For one run of one job. */
export function createLlm(deps: LlmDeps): Llm {
  return { chat: (request) => chat(deps, request), embed: (request) => embed(deps, request) };
}

async function chat(deps: LlmDeps, request: ChatRequest): Promise<ChatResult> {
  const model = deps.catalogue.resolve(request.model, "chat");
  const provider = deps.catalogue.provider(model.provider);
  const answer = emptyAnswer();
  const { usage } = await callProvider(deps, {
    provider,
    model,
    run: (client, onStart) => {
      const { signal } = deps;
      return streamChat({ client, model, baseUrl: provider.base_url, request, signal, answer, onStart });
    },
    counted: () => answer.tokens,
    estimate: () => estimateChatTokens(request, answer),
  });
  return { text: answer.text, finish_reason: answer.finishReason ?? "stop", usage };
}

async function embed(deps: LlmDeps, request: EmbedRequest): Promise<EmbedResult> {
  const model = deps.catalogue.resolve(request.model, "embedding");
  const vectors: number[][] = [];
  let usage = NO_USAGE;
  for (const inputs of splitInputs(request.inputs, model)) {
    const slice = await embedOnce(deps, model, request, inputs);
    vectors.push(...slice.value);
    usage = addUsage(usage, slice.usage);
    request.onProgress?.(vectors.length, request.inputs.length);
  }
  return { vectors, usage };
}

function embedOnce(deps: LlmDeps, model: Model, request: EmbedRequest, inputs: string[]) {
  let counted: TokenCounts | null = null;
  const onUsage = (tokens: TokenCounts) => {
    counted = tokens;
  };
  return callProvider(deps, {
    provider: deps.catalogue.provider(model.provider),
    model,
    run: (client) => embedSlice({ client, model, inputs, request, signal: deps.signal, onUsage }),
    counted: () => counted,
    estimate: () => estimateEmbedTokens(inputs),
  });
}
