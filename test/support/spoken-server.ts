// A server whose every word is said by the test, and which knows who still listens.

import { onTestFinished, vi } from "vitest";
import { Errand } from "../../client/src/index";
import type { Job } from "../../client/src/wire";
import type { Frame } from "../../client/src/wire-frames";

export type Call = { method: string; url: URL; body: unknown };

/** An open answer: what is sent arrives, until it is cut or the client hangs up. */
export class Connection {
  isOpen = true;
  readonly response: Response;
  private answer: ReadableStreamDefaultController | null = null;

  constructor(
    readonly url: URL,
    /** What was asked. */
    readonly body: unknown,
  ) {
    this.response = new Response(
      new ReadableStream({
        start: (answer) => {
          this.answer = answer;
        },
        cancel: () => {
          this.isOpen = false;
        },
      }),
    );
  }

  send(text: string): void {
    this.answer?.enqueue(new TextEncoder().encode(text));
  }

  event(frame: Frame): void {
    this.send(`data: ${JSON.stringify(frame)}\n\n`);
  }

  /** With which an answer to `POST /v1/generate` begins. */
  job(job: Job): void {
    this.send(`event: job\ndata: ${JSON.stringify(job)}\n\n`);
  }

  cut(): void {
    this.isOpen = false;
    this.answer?.error(new TypeError("connection lost"));
  }
}

export class SpokenServer {
  readonly connections: Connection[] = [];
  readonly calls: Call[] = [];
  /** By method and path. */
  readonly answers: Record<string, (call: Call) => Response | Promise<Response>> = {};
  // A page may not hold a key, and a token would go by WebSocket.
  readonly errand = new Errand({
    baseUrl: "https://errand.test",
    key: "k",
    dangerouslyAllowBrowser: true,
    maxRetries: 0,
    fetch: (url, init) => this.fetch(new URL(url), init),
  });

  private async fetch(url: URL, { method = "GET", body }: RequestInit): Promise<Response> {
    const call = { method, url, body: typeof body === "string" ? JSON.parse(body) : null };
    const answer = this.answers[`${method} ${url.pathname}`];
    if (answer) {
      this.calls.push(call);
      return answer(call);
    }
    if (!/\/(events|stream|generate)$/.test(url.pathname))
      throw new Error(`nothing is said of ${url.pathname}`);
    const connection = new Connection(url, call.body);
    this.connections.push(connection);
    return connection.response;
  }

  get open(): Connection[] {
    return this.connections.filter(({ isOpen }) => isOpen);
  }

  /** The newest connection, once there are so many. */
  async connection(nth = 1): Promise<Connection> {
    const found = await vi.waitFor(() => {
      const connection = this.connections[nth - 1];
      if (!connection) throw new Error(`there are ${this.connections.length} connections`);
      return connection;
    });
    return found;
  }
}

/** Comes back at once after a cut. */
export function dontPause(): void {
  const random = vi.spyOn(Math, "random").mockReturnValue(0);
  onTestFinished(() => random.mockRestore());
}
