// Calls of the API: each is tried until there is an answer, as long as trying again can do no harm.

import { attempt, type Fetch } from "./attempt.ts";
import type { Credential } from "./credential.ts";
import { AuthenticationError, ErrandError, isWorthRepeating, NotFoundError } from "./errors.ts";
import { backoffMs, sleep } from "./pause.ts";

/** Who asks to wait for longer is not waited for: the caller knows better what to do meanwhile. */
const LONGEST_WAIT_MS = 60_000;

export type Call = {
  method: "GET" | "POST" | "DELETE";
  path: string;
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  /** What is sent as it is, instead of JSON. A stream can be sent once only. */
  content?: { body: BodyInit; type: string };
  headers?: Record<string, string>;
  /** Instead of that of the settings. */
  timeoutMs?: number;
  /** Makes a POST safe to repeat. */
  idempotencyKey?: string;
  /** A POST that can be repeated as it is. */
  isIdempotent?: boolean;
  /** A 404 to a later try says that an earlier one has done it. */
  isDoneWhenGone?: boolean;
  /** A status that is an answer too, although it is not of the 2xx. */
  accepts?: number;
  signal?: AbortSignal;
};

export type Settings = {
  baseUrl: string;
  credential: Credential;
  fetch: Fetch;
  timeoutMs: number;
  maxRetries: number;
};

type Read<T> = (response: Response) => Promise<T>;

export class Http {
  constructor(readonly settings: Settings) {}

  /** The answer's JSON. */
  json<T>(call: Call): Promise<T> {
    return this.read(call, readJson) as Promise<T>;
  }

  /** What `read` makes of the answer. */
  read<T>(call: Call, read: Read<T>): Promise<T> {
    return this.send(call, read) as Promise<T>;
  }

  /** For answers that say all by their status. */
  async done(call: Call): Promise<void> {
    await this.send(call, async () => undefined);
  }

  /** The open answer to a single try, its body unread. */
  open(call: Call): Promise<Response> {
    return this.authorized(call, async (response) => response);
  }

  address(path: string, query: Call["query"] = {}): string {
    const said = Object.entries(query).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)]],
    );
    const search = new URLSearchParams(said).toString();
    return `${this.settings.baseUrl}${path}${search === "" ? "" : `?${search}`}`;
  }

  private async send(call: Call, read: Read<unknown>): Promise<unknown> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.authorized(call, read);
      } catch (error) {
        if (tries > 1 && call.isDoneWhenGone && error instanceof NotFoundError) return undefined;
        const left = tries <= this.settings.maxRetries && isRepeatable(call);
        if (!left || !isWorthRepeating(error) || (error.retryAfterMs ?? 0) > LONGEST_WAIT_MS) throw error;
        await sleep((error.retryAfterMs ?? 0) + backoffMs(tries), call.signal);
      }
    }
  }

  /** A token that has expired meanwhile is replaced, once. */
  private async authorized<T>(call: Call, read: Read<T>): Promise<T> {
    const { credential } = this.settings;
    const first = await credential.current();
    try {
      return await this.attempt(call, first, read);
    } catch (error) {
      if (!(error instanceof AuthenticationError)) throw error;
      const second = await credential.renewed(first);
      if (second === null) throw error;
      return await this.attempt(call, second, read);
    }
  }

  private attempt<T>(call: Call, credential: string, read: Read<T>): Promise<T> {
    const { method, path, query, idempotencyKey, accepts, signal } = call;
    const { fetch } = this.settings;
    const timeoutMs = call.timeoutMs ?? this.settings.timeoutMs;
    const { body, type } = contentOf(call);
    const headers: Record<string, string> = { ...call.headers, authorization: `Bearer ${credential}` };
    if (type !== undefined) headers["content-type"] = type;
    if (idempotencyKey !== undefined) headers["idempotency-key"] = idempotencyKey;
    const init: RequestInit & { duplex?: "half" } = { method, headers, body };
    // fetch takes a stream only together with this (Node.js, browsers).
    if (body instanceof ReadableStream) init.duplex = "half";
    return attempt(fetch, this.address(path, query), init, read, { timeoutMs, accepts, signal });
  }
}

function contentOf({ body, content }: Call): { body?: BodyInit; type?: string } {
  if (content !== undefined) return content;
  return body === undefined ? {} : { body: JSON.stringify(body), type: "application/json" };
}

function isRepeatable({ method, idempotencyKey, isIdempotent = false }: Call): boolean {
  return method !== "POST" || idempotencyKey !== undefined || isIdempotent;
}

async function readJson(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    const { status, url } = response;
    const message = `The answer is not JSON. Is baseUrl the address of Errand? (${url})`;
    throw new ErrandError({ message, code: "invalid_answer", type: "http_error", status });
  }
}
