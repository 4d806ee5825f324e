// One call to a provider: opens the client, classifies what it throws, and counts what it used exactly once.

import type OpenAI from "openai";
import { costUsd, NO_USAGE, type Price, type Usage } from "../core/usage";
import { classifyProviderError, wasRefused } from "./classify";
import type { Model } from "./models";
import { type ClientDeps, createProviderClient } from "./provider-client";
import type { Provider } from "./providers";

export type TokenCounts = Omit<Usage, "cost_usd" | "estimated">;

/** How large a call is, as far as is known before it. */
export type CallSize = { inputChars: number; maxOutputTokens: number | null };

export type CallDeps = ClientDeps & {
  /**
   * Waited for before each call of a run but the first, which was admitted with the job. Throws `gate_wait` when the turn of
   * this call is too far away to wait for.
   */
  beforeCall(size: CallSize): Promise<void>;
  /** Aborts the calls; its reason is what they throw. */
  signal: AbortSignal;
  /** Called once for every call that was sent, also when it failed. */
  onUsage(usage: Usage): void;
};

export type Call<T> = {
  provider: Provider;
  model: Model;
  run(client: OpenAI, onStart: () => void): Promise<T>;
  /** What the provider counted, null as long as it has not said. */
  counted(): TokenCounts | null;
  estimate(): TokenCounts;
};

export async function callProvider<T>(deps: CallDeps, call: Call<T>): Promise<{ value: T; usage: Usage }> {
  let sent = false;
  let streaming = false;
  const onSend = () => {
    sent = true;
    deps.onSend();
  };
  const onStart = () => {
    streaming = true;
  };
  let value: T;
  try {
    value = await call.run(createProviderClient(call.provider, { ...deps, onSend }), onStart);
  } catch (error) {
    if (sent) deps.onUsage(!streaming && wasRefused(error) ? NO_USAGE : usageOf(call));
    const { provider } = call.model;
    throw classifyProviderError(error, { provider, signal: deps.signal, streaming });
  }
  const usage = usageOf(call);
  deps.onUsage(usage);
  return { value, usage };
}

function usageOf(call: Omit<Call<unknown>, "run">): Usage {
  const counted = call.counted();
  if (counted) return withCost(counted, call.model.price);
  return { ...withCost(call.estimate(), call.model.price), estimated: true };
}

function withCost(tokens: TokenCounts, price: Price | null): Usage {
  return { ...tokens, cost_usd: costUsd(tokens, price) };
}
