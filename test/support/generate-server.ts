// A server of `POST /v1/generate` with a story to tell, which breaks off where the test says.

import { Errand, type ErrandOptions } from "../../client/src/index";
import type { StreamMessage } from "../../client/src/wire-stream";
import { batch } from "./stream-frames";
import { wireJob } from "./wire-jobs";

/** What becomes of an answer: so many bytes of it arrive, or another one comes instead, or none. Undefined: all of it. */
export type Break = number | Response | "refuse" | undefined;

type Asked = { method: string; url: URL; headers: Headers; body: unknown };

export class GenerateServer {
  readonly asked: Asked[] = [];
  /** By idempotency key. */
  readonly jobs = new Map<string, string>();
  readonly errand: Errand;

  constructor(
    /** What is appended in one go has one offset. */
    private readonly story: StreamMessage[][],
    private readonly breaks: (nth: number) => Break = () => undefined,
    over: Partial<ErrandOptions> = {},
  ) {
    const fetch = (url: string, init: RequestInit) => this.fetch(new URL(url), init);
    this.errand = new Errand({ baseUrl: "https://errand.test", key: "k", fetch, ...over });
  }

  /** As many bytes as an unbroken answer has. */
  get bytes(): number {
    return bytesOf(this.tell("job_1")).byteLength;
  }

  get paths(): string[] {
    return this.asked.map(({ method, url }) => `${method} ${url.pathname}${url.search}`);
  }

  private async fetch(url: URL, { method = "GET", headers, body }: RequestInit): Promise<Response> {
    const said = typeof body === "string" ? JSON.parse(body) : null;
    this.asked.push({ method, url, headers: new Headers(headers), body: said });
    const broken = this.breaks(this.asked.length);
    if (broken === "refuse") throw new TypeError("connection refused");
    if (broken instanceof Response) return broken;
    const bytes = bytesOf(method === "POST" ? this.submit(new Headers(headers)) : this.read(url));
    return new Response(broken === undefined ? bytes : cutAfter(bytes.slice(0, broken)));
  }

  private submit(headers: Headers): string {
    const key = headers.get("idempotency-key") ?? "none";
    const id = this.jobs.get(key) ?? `job_${this.jobs.size + 1}`;
    this.jobs.set(key, id);
    return this.tell(id);
  }

  private tell(id: string): string {
    return `event: job\ndata: ${JSON.stringify(wireJob({ id, stream: true }))}\n\n${this.from(0)}`;
  }

  private read(url: URL): string {
    const offset = url.searchParams.get("offset") ?? "";
    return this.from(offset === "-1" ? 0 : Number(offset.slice(2)));
  }

  private from(start: number): string {
    const told = this.story.map((messages, i) => batch(messages, `0_${i + 1}`, i === this.story.length - 1));
    return told.slice(start).join(": still there\n\n");
  }
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

function cutAfter(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let isTold = bytes.byteLength === 0;
  return new ReadableStream<Uint8Array>({
    pull(body) {
      if (isTold) body.error(new TypeError("connection lost"));
      else body.enqueue(bytes);
      isTold = true;
    },
  });
}
