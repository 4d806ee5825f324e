// Uses streams as an app does: appends until it is answered, and reads on from wherever it was broken off.

import { type Answer, type Ask, call, open } from "./http-client";

export type StreamAsk = Omit<Ask, "json"> & { query?: string };

export const pathOf = (name: string) => `/v1/streams/${encodeURIComponent(name)}`;

/** Text unless the headers say otherwise. */
export function stream(method: string, name: string, ask: StreamAsk = {}): Promise<Answer<unknown>> {
  return call(method, address(name, ask), withType(ask));
}

/** The bare response. */
export function openStream(name: string, query: string, ask: Ask = {}): Promise<Response> {
  return open("GET", `${pathOf(name)}?${query}`, ask);
}

function address(name: string, { query }: StreamAsk): string {
  return query === undefined ? pathOf(name) : `${pathOf(name)}?${query}`;
}

function withType({ query: _, ...ask }: StreamAsk): Ask {
  return { ...ask, headers: { "content-type": "text/plain", ...ask.headers } };
}

export const nextOffset = (answer: { headers: Headers }) => answer.headers.get("stream-next-offset") ?? "";

/** Appends each text as one of a producer, again and again until it is known to be written. */
export class Producer {
  private seq = 0;
  /** How often it had to try. */
  tries = 0;

  constructor(
    private readonly name: string,
    private readonly id = "writer",
  ) {}

  async append(text: BodyInit, more: Record<string, string> = {}): Promise<Answer<unknown>> {
    const numbers = { "producer-id": this.id, "producer-epoch": "0", "producer-seq": String(this.seq++) };
    while (true) {
      this.tries += 1;
      const answer = await stream("POST", this.name, { text, headers: { ...numbers, ...more } });
      if (answer.status === 200 || answer.status === 204) return answer;
      if (answer.status < 500) throw new Error(`${answer.status} ${answer.text}`);
    }
  }
}

/** All there is, page by page. */
export async function readAll(name: string): Promise<{ text: string; pages: number; offset: string }> {
  let offset = "-1";
  const decoder = new TextDecoder();
  let text = "";
  for (let pages = 1; ; pages++) {
    const response = await openStream(name, `offset=${offset}`);
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    text += decoder.decode(await response.arrayBuffer(), { stream: true });
    offset = nextOffset(response);
    if (response.headers.has("stream-up-to-date")) return { text, pages, offset };
  }
}

export type StreamEvent = { event: string; data: string };
export type Control = { streamNextOffset: string; upToDate?: boolean; streamClosed?: boolean };

/** As EventSource reads them. */
export async function* eventsIn(body: ReadableStream<Uint8Array> | null): AsyncGenerator<StreamEvent> {
  let text = "";
  for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const blocks = (text + chunk).split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks.filter((one) => !one.startsWith(":"))) {
      const of = (field: string) =>
        block
          .split("\n")
          .flatMap((line) => (line.startsWith(`${field}:`) ? [line.slice(field.length + 1)] : []));
      const data = of("data").map((line) => line.replace(/^ /, ""));
      yield { event: (of("event")[0] ?? "").trim(), data: data.join("\n") };
    }
  }
}

/** Reads a stream of text to its end, from the last offset that it was told whenever it is broken off. */
export class Follower {
  text = "";
  /** Each text with the offset behind it. */
  readonly told: { text: string; offset: string }[] = [];
  connections = 0;
  isUpToDate = false;
  readonly over: Promise<void>;
  private body: AbortController | undefined;

  constructor(
    private readonly name: string,
    private readonly live: "sse" | "long-poll",
    private offset = "-1",
  ) {
    this.over = this.follow();
  }

  /** As a network does. */
  hangUp(): void {
    this.body?.abort();
  }

  private async follow(): Promise<void> {
    for (let isOver = false; !isOver; ) {
      this.connections += 1;
      this.body = new AbortController();
      const query = `offset=${this.offset}&live=${this.live}`;
      try {
        const response = await openStream(this.name, query, { signal: this.body.signal });
        if (response.status >= 500) await response.body?.cancel();
        else isOver = await (this.live === "sse" ? this.hear(response) : this.take(response));
      } catch (error) {
        if (!this.body.signal.aborted && !isBroken(error)) throw error;
      }
    }
  }

  private async hear(response: Response): Promise<boolean> {
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    let heard = "";
    for await (const { event, data } of eventsIn(response.body)) {
      if (event === "data") heard += data;
      if (event !== "control") continue;
      const control = JSON.parse(data) as Control;
      this.add(heard, control.streamNextOffset, control.upToDate === true);
      heard = "";
      if (control.streamClosed) return true;
    }
    return false;
  }

  private async take(response: Response): Promise<boolean> {
    if (response.status > 204) throw new Error(`${response.status} ${await response.text()}`);
    const text = await response.text();
    const isUpToDate = response.headers.has("stream-up-to-date");
    this.add(text, nextOffset(response) || this.offset, isUpToDate);
    return response.headers.has("stream-closed");
  }

  private add(text: string, offset: string, isUpToDate: boolean): void {
    this.text += text;
    this.offset = offset;
    this.isUpToDate = isUpToDate;
    this.told.push({ text, offset });
  }
}

/** The connection broke off, which is what the tests are about. */
function isBroken(error: unknown): boolean {
  return !(error instanceof Error && /^\d{3} /.test(error.message));
}
