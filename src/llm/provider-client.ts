// Makes the openai SDK's client for one provider. The only file that reads API keys.

import OpenAI from "openai";
import { AppError } from "../core/errors";
import type { Announced } from "../core/gate/report";
import type { Fetch } from "./fetch";
import type { HeaderSlots } from "./header-slots";
import { keyNames, type Provider } from "./providers";
import { readRateLimits } from "./rate-limit-headers";
import { sandboxFetch } from "./sandbox/sandbox-fetch";

export type ClientDeps = {
  /** The secret of this name, undefined when it is not set. */
  secret(name: string): string | undefined;
  /** Which of a provider's keys, when it has several; null, or one that it has not: the first. */
  key: string | null;
  headerSlots: HeaderSlots;
  job: { id: string; attempt: number };
  /** Called when the request leaves, after it waited for its slot. */
  onSend(): void;
  /** Called with what the headers of a response say of the provider's limits, whatever its status. */
  onHeaders(announced: Announced | null): void;
  /** The network; a test puts a provider of its own here. */
  fetch?: Fetch;
};

// How long a provider may take until its headers. Longer than any sane answer, shorter than the 13 minutes
// that an attempt may last: the attempt's own timeout is the one that is meant to bite.
const HEADERS_TIMEOUT_MS = 600_000;

export function createProviderClient(provider: Provider, deps: ClientDeps): OpenAI {
  const send = provider.name === "sandbox" ? sandboxFetch : (deps.fetch ?? globalFetch);
  return new OpenAI({
    baseURL: provider.base_url,
    // Everything explicit: the SDK fills gaps from OPENAI_* variables, which a Worker has in process.env, and
    // would send OpenAI's key or organization to whatever provider this is.
    apiKey: readKey(provider, deps) ?? "none",
    organization: null,
    project: null,
    adminAPIKey: null,
    webhookSecret: null,
    // Retries are the job's: they are counted, shown, and obey a retry-after of more than 60 s.
    maxRetries: 0,
    timeout: HEADERS_TIMEOUT_MS,
    // The SDK logs requests; ours never hold a prompt.
    logLevel: "off",
    fetch: deps.headerSlots(async (url, init) => {
      deps.onSend();
      const response = await send(url, init);
      deps.onHeaders(readRateLimits(response.headers, Date.now()));
      return response;
    }),
    defaultHeaders: {
      "x-errand-job": deps.job.id,
      "x-errand-attempt": String(deps.job.attempt),
      ...(provider.key ? {} : { Authorization: null }),
    },
  });
}

function readKey(provider: Provider, deps: ClientDeps): string | undefined {
  const names = keyNames(provider);
  const name = names.find((one) => one === deps.key) ?? names[0];
  if (name === undefined) return undefined;
  const key = deps.secret(name);
  if (key) return key;
  throw new AppError("provider_key_missing", {
    message: `The secret ${name}, which holds a key of provider "${provider.name}", is not set.`,
  });
}

// Workers refuse a fetch that is called as a method of something else.
const globalFetch: Fetch = (url, init) => fetch(url, init);
