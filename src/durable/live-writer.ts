// Writes the stream of a job that runs in the stream's own object: each word is told at once. The two live and die together,
// so that nothing has to be told again.

import type { MoveEvent } from "../core/events";
import type { Job } from "../core/job";
import { closingMessage, jobLogId, type LogMessage, type Producer } from "../core/streams/job-log";
import type { Deps } from "../deps";
import { toLines } from "../engine/log-lines";
import { type Farewell, STORE_AFTER_MS, type StreamWriter } from "../engine/log-writer";
import { toldOf } from "../engine/told";
import type { JobLogs, Rest } from "./job-logs";

const NOTHING = new Uint8Array();

/** What leaves an object waits until what it has written before is safe. By then the call to the model has left, and no word is here yet. */
const OPEN_AFTER_MS = 25;

export class LiveWriter implements StreamWriter {
  private readonly producer: Producer;
  private hasBegun = false;
  private isOver = false;
  private storeAt: number;
  /** Sealing takes its time, and order is kept. */
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly deps: Deps,
    private readonly job: Job,
    private readonly logs: JobLogs,
  ) {
    this.producer = { id: jobLogId(job), run: job.run, turns: job.turns };
    this.storeAt = deps.now() + STORE_AFTER_MS;
  }

  begin(): void {
    setTimeout(() => this.open(), OPEN_AFTER_MS);
  }

  write(message: LogMessage): void {
    this.writing = this.writing.then(async () => {
      const lines = await toLines(this.deps.vault, this.job, [message]);
      this.open();
      if (!this.isOver) this.take(lines);
    });
  }

  async mark(): Promise<void> {
    await this.writing;
    if (!this.isOver) this.logs.mark(this.producer.id, this.rest());
  }

  async leave({ event, commits }: Farewell): Promise<void> {
    await this.writing;
    if (this.isOver) return;
    this.isOver = true;
    this.logs.leave(this.producer.id, { ...this.rest(), last: this.lastOf(event), commits });
  }

  abandon(): void {
    this.isOver = true;
  }

  private open(): void {
    if (this.hasBegun || this.isOver) return;
    this.hasBegun = true;
    this.isOver = this.logs.open(this.producer, true) === null;
  }

  private take(lines: Uint8Array): void {
    const { id, run } = this.producer;
    const now = this.deps.now();
    const stores = now >= this.storeAt;
    if (stores) this.storeAt = now + STORE_AFTER_MS;
    if (!this.logs.take(id, run, { from: this.logs.tail(id), lines, stores })) this.isOver = true;
  }

  /** All is told already. */
  private rest(): Rest {
    const { run, turns } = this.producer;
    return { run, turns, from: null, lines: NOTHING };
  }

  private lastOf(event: MoveEvent): LogMessage {
    return closingMessage(toldOf(this.deps, event));
  }
}
