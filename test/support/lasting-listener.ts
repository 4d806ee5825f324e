// Listens to a channel as an app does: comes back with its last cursor whenever the connection dies.

import type { EventFrame, Frame } from "../../src/contract/frames";
import type { Inbox } from "./inbox";
import type { MortalServer } from "./mortal-server";

export class LastingListener {
  private readonly past: Frame[] = [];
  private inbox: Inbox | undefined;
  private ending = false;
  private readonly over: Promise<void>;

  constructor(
    private readonly server: MortalServer,
    readonly channel: string,
  ) {
    this.over = this.listen();
  }

  /** All frames of all connections. */
  get frames(): Frame[] {
    return [...this.past, ...(this.inbox?.frames ?? [])];
  }

  get events(): EventFrame[] {
    return this.frames.filter((frame): frame is EventFrame => "job_id" in frame);
  }

  async stop(): Promise<void> {
    this.ending = true;
    await this.inbox?.close();
    await this.over;
  }

  private async listen(): Promise<void> {
    while (!this.ending) {
      const service = await this.server.up;
      const since = this.past.at(-1)?.cursor;
      // A server that dies while it is asked: there will be another.
      this.inbox = await service.listenToChannel(this.channel, since).catch(() => undefined);
      await this.inbox?.closed;
      this.past.push(...(this.inbox?.frames ?? []));
      this.inbox = undefined;
    }
  }
}
