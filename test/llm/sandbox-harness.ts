// An Llm whose provider is the sandbox, through the same SDK and code that real providers go through.

import type { LlmDeps } from "../../src/llm/create-llm";
import { withProvider } from "./fake-provider";

export function sandbox(deps: Partial<LlmDeps> = {}) {
  const { llm, usages } = withProvider(
    () => Promise.reject(new Error("the sandbox must not use the network")),
    deps,
  );
  const chat = (options: Record<string, unknown> = {}, more: Record<string, unknown> = {}) =>
    llm.chat({
      model: "sandbox/chat",
      messages: [{ role: "user", content: "Write a short blog post about tea in Lisbon." }],
      provider_options: { sandbox: options },
      ...more,
    });
  return { llm, usages, chat };
}

export function user(content: string) {
  return [{ role: "user", content }];
}
