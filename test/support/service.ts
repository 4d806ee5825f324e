// A running Errand as an app sees it: jobs over HTTP, news over WebSocket and SSE.

import { expect } from "vitest";
import type { JobOnWire } from "../../src/contract/job";
import { isFinal } from "../../src/core/lifecycle";
import { type Inbox, openEventSource, openSocket } from "./inbox";
import { readStreamSocket, type StreamFrame } from "./stream-socket";

export type Body = Record<string, unknown>;
export type Answer<T> = { status: number; headers: Headers; body: T; tookMs: number };
export type Output = { text: string; finish_reason: string; embeddings?: number[][] };

/** A job for `generate`. `model` of the local provider: see provider-server.mjs. */
export function generate(model: string, fields: Body = {}): Body {
  return { task: "generate", input: { prompt: "Write about queues.", model }, ...fields };
}

export class Service {
  constructor(
    readonly url: string,
    readonly key: string,
  ) {}

  async call<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const startedAt = performance.now();
    const response = await fetch(this.url + path, {
      method,
      headers: {
        authorization: `Bearer ${this.key}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    const tookMs = performance.now() - startedAt;
    const answer: Answer<T> = {
      status: response.status,
      headers: response.headers,
      body: parse(text) as T,
      tookMs,
    };
    return answer;
  }

  post<T = JobOnWire>(path: string, body?: unknown, headers?: Record<string, string>) {
    return this.call<T>("POST", path, body, headers);
  }

  async get<T = JobOnWire>(path: string): Promise<T> {
    const { status, body } = await this.call<T>("GET", path);
    expect(status, JSON.stringify(body)).toBe(200);
    return body;
  }

  /** The job as it was taken in. */
  async submit(body: Body): Promise<JobOnWire> {
    const answer = await this.post("/v1/jobs", body);
    expect(answer.status, JSON.stringify(answer.body)).toBe(202);
    return answer.body;
  }

  /** The jobs as they were taken in. */
  async submitAll(jobs: Body[]): Promise<JobOnWire[]> {
    const answer = await this.post<{ data: JobOnWire[] }>("/v1/jobs/bulk", { jobs });
    expect(answer.status, JSON.stringify(answer.body).slice(0, 500)).toBe(202);
    return answer.body.data;
  }

  /** The job once it has ended. */
  async ended(id: string): Promise<JobOnWire> {
    const socket = await this.listenToJob(id);
    await socket.until((frames) =>
      frames.find((frame) => {
        if (frame.type === "snapshot") return "job" in frame && frame.job && isFinal(frame.job.state);
        return /^job\.(completed|failed|cancelled)$/.test(frame.type);
      }),
    );
    await socket.close();
    return this.get(`/v1/jobs/${id}`);
  }

  async token(grant: { channel: string } | { job: string }): Promise<string> {
    const { body } = await this.post<{ token: string }>("/v1/tokens", { ...grant, allow: ["read"] });
    return body.token;
  }

  async listenToChannel(channel: string, since?: string): Promise<Inbox> {
    const query = new URLSearchParams({
      channel,
      token: await this.token({ channel }),
      ...(since && { since }),
    });
    return openSocket(`${this.url.replace(/^http/, "ws")}/v1/events?${query}`);
  }

  async listenToJob(job: string): Promise<Inbox> {
    const query = new URLSearchParams({ token: await this.token({ job }) });
    return openSocket(`${this.url.replace(/^http/, "ws")}/v1/jobs/${job}/events?${query}`);
  }

  /** All that a job with a stream says, frame by frame as it came. */
  async readStream(job: string): Promise<StreamFrame[]> {
    const query = new URLSearchParams({ offset: "-1", token: await this.token({ job }) });
    return readStreamSocket(`${this.url.replace(/^http/, "ws")}/v1/jobs/${job}/stream?${query}`);
  }

  /** Server-sent events of a channel, from `lastEventId` on. */
  stream(channel: string, lastEventId?: string): Promise<Inbox> {
    return openEventSource(`${this.url}/v1/events?channel=${channel}`, {
      authorization: `Bearer ${this.key}`,
      ...(lastEventId && { "last-event-id": lastEventId }),
    });
  }
}

function parse(text: string): unknown {
  return text === "" ? null : JSON.parse(text);
}
