// Writes the stream of a job while a run of it goes on: over one socket, gathered for a tenth of a second. What is not known
// to be stored is kept, so that an object that has forgotten it can be told again. A stream that cannot be written never
// holds up the job.

import type { MoveEvent } from "../core/events";
import type { Job } from "../core/job";
import {
  closingMessage,
  jobLogId,
  type LogMessage,
  type LogNote,
  SHUT_OUT,
  toLine,
} from "../core/streams/job-log";
import { shardOf } from "../core/streams/stream";
import type { Deps } from "../deps";
import { errorField } from "../log";
import { insist } from "./insist";
import { KeptBytes } from "./kept-bytes";
import { openLogSocket } from "./log-socket";
import { toldOf } from "./told";

const GATHER_MS = 100;

/** What is said is stored after that long. A row each time: twelve with those around it, for an answer of 20 s. */
const STORE_AFTER_MS = 2_250;
const RECONNECT_MS = [250, 1_000, 2_000];

/** A run whose words nobody takes until they are that many stops writing: the output has them all. */
const MOST_KEPT_BYTES = 8_000_000;

/** The last words of a run. `commits`: a later run does not take back what was said so far. */
export type Farewell = { event: MoveEvent; commits: boolean };

export class LogWriter {
  private readonly kept = new KeptBytes();
  /** Told with what is sent next, unless newer progress comes before that. */
  private progress: LogMessage | null = null;
  private socket: WebSocket | null = null;
  /** Up to there it was sent over this socket; null: the object has not said yet where it stands. */
  private sentTo: number | null = null;
  /** The object has said once where this run's words begin. */
  private hasPlace = false;
  private isOver = false;
  private failures = 0;
  /** When the object is to store what it has not stored yet; null: it has stored all. */
  private storeAt: number | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly deps: Deps,
    private readonly job: Job,
  ) {}

  /** Takes back what an earlier run has said of the same work. */
  begin(): this {
    void this.connect();
    return this;
  }

  write(message: LogMessage): void {
    // Streams are not sealed: where the rest is, their words stay in memory and in the output.
    if (this.isOver || this.deps.vault.seals) return;
    if (message.type !== "progress") this.keepProgress();
    if (message.type === "progress") this.progress = message;
    else this.keep(message);
    this.storeAt ??= this.deps.now() + STORE_AFTER_MS;
    if (this.kept.size > MOST_KEPT_BYTES) this.abandon();
    else if (this.timer === null) this.send();
  }

  /** Resolves when all of it is stored, or was tried often enough. Never throws. */
  async leave({ event, commits }: Farewell): Promise<void> {
    if (this.isOver) return;
    const { run } = this.job;
    this.keepProgress();
    const from = this.hasPlace ? this.kept.start : null;
    const lines = this.kept.from(this.kept.start);
    const last = closingMessage(toldOf(this.deps, event));
    this.abandon();
    const id = jobLogId(this.job);
    await insist(this.deps, "stream_not_left", { job: this.job.id }, () =>
      this.deps.jobLogs.getByName(shardOf(id)).leave(id, { run, from, lines, last, commits }),
    );
  }

  /** The run has lost its job, or leaves it to another to tell of its end. */
  abandon(): void {
    this.isOver = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.socket?.close(1000, "done");
    this.socket = null;
  }

  private keepProgress(): void {
    if (this.progress) this.keep(this.progress);
    this.progress = null;
  }

  private keep(message: LogMessage): void {
    this.kept.add(new TextEncoder().encode(toLine(message)));
  }

  private async connect(): Promise<void> {
    try {
      const opened = await openLogSocket(this.deps, { id: jobLogId(this.job), run: this.job.run });
      if (opened === "shut out") this.abandon();
      else if (this.isOver) opened.close(1000, "done");
      else this.attach(opened);
    } catch (error) {
      this.deps.log("stream_away", { job: this.job.id, error: errorField(error) });
      this.reconnect();
    }
  }

  private attach(socket: WebSocket): void {
    this.socket = socket;
    this.sentTo = null;
    socket.addEventListener("message", ({ data }) => this.hear(JSON.parse(String(data)) as LogNote));
    socket.addEventListener("close", ({ code }) => {
      if (this.socket !== socket) return;
      this.socket = null;
      if (code === SHUT_OUT) this.abandon();
      else this.reconnect();
    });
    socket.accept();
  }

  private reconnect(): void {
    if (this.isOver) return;
    const delayMs = RECONNECT_MS[Math.min(this.failures, RECONNECT_MS.length - 1)];
    this.failures += 1;
    setTimeout(() => {
      if (!this.isOver) void this.connect();
    }, delayMs);
  }

  private hear({ stored, tail }: LogNote): void {
    this.failures = 0;
    if (!this.hasPlace) this.kept.start = tail ?? stored;
    this.hasPlace = true;
    if (stored > this.kept.start) this.kept.dropTo(stored);
    if (this.kept.size === 0 && this.progress === null) this.storeAt = null;
    if (tail !== undefined) this.sentTo = tail;
    if (this.timer === null) this.send();
  }

  private send(): void {
    this.timer = null;
    if (!this.socket || this.sentTo === null || this.storeAt === null) return;
    const now = this.deps.now();
    const isDue = now >= this.storeAt;
    this.keepProgress();
    if (this.sentTo < this.kept.end || isDue) {
      const lines = new TextDecoder().decode(this.kept.from(this.sentTo));
      this.socket.send(`${this.sentTo}${isDue ? "!" : ""}\n${lines}`);
      this.sentTo = this.kept.end;
      if (isDue) this.storeAt = now + STORE_AFTER_MS;
      this.timer = setTimeout(() => this.send(), GATHER_MS);
    } else this.timer = setTimeout(() => this.send(), this.storeAt - now);
  }
}
