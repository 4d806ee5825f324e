// Listens to a channel as an app does: comes back with its last cursor whenever the connection dies.

import type { EventFrame, Frame } from "../../src/contract/frames";
import { isKept } from "../../src/core/events";
import type { Inbox } from "./inbox";

export class LastingListener {
  /** The frames of each connection. */
  readonly connections: Frame[][] = [];
  private inbox: Inbox | undefined;
  private ending = false;
  private readonly over: Promise<void>;

  /** `connect` fails while nobody is there. */
  constructor(
    readonly channel: string,
    private readonly connect: (channel: string, since: string | undefined) => Promise<Inbox>,
  ) {
    this.over = this.listen();
  }

  /** All frames of all connections. */
  get frames(): Frame[] {
    return this.connections.flat();
  }

  get events(): EventFrame[] {
    return this.frames.filter((frame): frame is EventFrame => "job_id" in frame);
  }

  /** Those that every listener must hear, whenever its connection died. */
  get kept(): EventFrame[] {
    return this.events.filter(isKept);
  }

  async stop(): Promise<void> {
    this.ending = true;
    await this.inbox?.close();
    await this.over;
  }

  private async listen(): Promise<void> {
    while (!this.ending) {
      const since = this.frames.at(-1)?.cursor;
      // One that dies while it is asked: there will be another.
      this.inbox = await this.connect(this.channel, since).catch(() => undefined);
      if (!this.inbox) continue;
      this.connections.push(this.inbox.frames);
      await this.inbox.closed;
    }
  }
}
