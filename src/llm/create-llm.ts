// Joins catalogue, client, chat and embeddings into the `Llm` that a task sees.

import { AppError } from "../core/errors";
import { addUsage, NO_USAGE } from "../core/usage";
import { emptyAnswer, estimateChatTokens, streamChat } from "./chat";
import { delay } from "./delay";
import { embedSlice, estimateEmbedTokens, splitInputs } from "./embeddings";
import type { ChatRequest, ChatResult, EmbedRequest, EmbedResult, Llm } from "./llm";
import type { Catalogue, Model } from "./models";
import { promptText } from "./prompt-text";
import { type CallDeps, type CallSize, callProvider, type TokenCounts } from "./provider-call";

export type LlmDeps = CallDeps & { catalogue: Catalogue };

/** For one run of one job. */
export function createLlm(deps: LlmDeps): Llm {
  let calls = 0;
  const beforeCall = async (size: CallSize) => {
    calls += 1;
    if (calls > 1) await deps.beforeCall(size);
  };
  const run = { ...deps, beforeCall };
  return {
    limits: (model, kind) => deps.catalogue.resolve(model, kind),
    chat: (request) => chat(run, request),
    embed: (request) => embed(run, request),
  };
}

async function chat(deps: LlmDeps, request: ChatRequest): Promise<ChatResult> {
  const model = deps.catalogue.resolve(request.model, "chat");
  const provider = deps.catalogue.provider(model.provider);
  const answer = emptyAnswer();
  const maxOutputTokens = request.max_output_tokens ?? null;
  await deps.beforeCall({ inputChars: promptText(request).length, maxOutputTokens });
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
  const { text, reasoning, toolCalls, finishReason } = answer;
  return { text, reasoning, tool_calls: toolCalls.all, finish_reason: finishReason ?? "stop", usage };
}

async function embed(deps: LlmDeps, request: EmbedRequest): Promise<EmbedResult> {
  const model = deps.catalogue.resolve(request.model, "embedding");
  const vectors: number[][] = [];
  let usage = NO_USAGE;
  for (const inputs of splitInputs(request.inputs, model)) {
    await untilTurn(deps, inputs);
    const slice = await embedOnce(deps, model, request, inputs);
    vectors.push(...slice.value);
    usage = addUsage(usage, slice.usage);
    request.onProgress?.(vectors.length, request.inputs.length);
  }
  return { vectors, usage };
}

const FIRST_WAIT_MS = 1_000;

/** Waits however long it takes: the vectors so far are paid for, and would be lost with the run. */
async function untilTurn(deps: LlmDeps, inputs: string[]): Promise<void> {
  const inputChars = inputs.reduce((sum, input) => sum + input.length, 0);
  for (;;) {
    try {
      return await deps.beforeCall({ inputChars, maxOutputTokens: 0 });
    } catch (error) {
      if (!(error instanceof AppError && error.code === "gate_wait")) throw error;
      await delay(error.retryAfterMs || FIRST_WAIT_MS, deps.signal);
    }
  }
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
