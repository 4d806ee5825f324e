// The way to the events of a channel or job: a WebSocket if there can be one, else server-sent events.

import { ConnectionError } from "./errors.ts";
import type { Http } from "./http.ts";
import { listenBySocket } from "./socket.ts";
import { listenBySse } from "./sse.ts";
import type { Frame } from "./wire-frames.ts";

/** What is listened to. */
export type Subject = { channel: string } | { job: string };

export class Line {
  private readonly path: string;
  private readonly channel: string | undefined;
  private way: "socket" | "sse" = "socket";

  constructor(
    private readonly http: Http,
    subject: Subject,
  ) {
    this.path = "job" in subject ? `/v1/jobs/${encodeURIComponent(subject.job)}/events` : "/v1/events";
    this.channel = "channel" in subject ? subject.channel : undefined;
  }

  /** One connection; resolves when it is over. Throws when it was refused, or told nothing at all. */
  async listen(since: string | null, hear: (frame: Frame) => void, signal: AbortSignal): Promise<void> {
    const way = this.canUseSocket() ? this.way : "sse";
    let isHeard = false;
    const hearText = (text: string) => {
      isHeard = true;
      hear(JSON.parse(text) as Frame);
    };
    // A WebSocket does not say why it failed. The next try does, and passes where only plain HTTP passes; if it fails as
    // well, it was not for the WebSocket.
    this.way = "sse";
    try {
      await (way === "socket"
        ? this.listenBySocket(since, hearText, signal)
        : this.listenBySse(since, hearText, signal));
    } finally {
      if (isHeard) this.way = way;
      else if (way === "sse") this.way = "socket";
    }
    signal.throwIfAborted();
    if (!isHeard) throw new ConnectionError(`No events from ${this.http.settings.baseUrl}.`);
  }

  private canUseSocket(): boolean {
    return !this.http.settings.credential.isKey && typeof globalThis.WebSocket === "function";
  }

  private async listenBySocket(since: string | null, hear: (text: string) => void, signal: AbortSignal) {
    const token = await this.http.settings.credential.current();
    const url = this.http.address(this.path, { ...this.query(since), token });
    await listenBySocket(url.replace(/^http/, "ws"), hear, signal);
  }

  private listenBySse(since: string | null, hear: (text: string) => void, signal: AbortSignal) {
    const query = this.query(since);
    return listenBySse(() => this.http.open({ method: "GET", path: this.path, query, signal }), hear, signal);
  }

  private query(since: string | null) {
    return { channel: this.channel, since: since ?? undefined };
  }
}
