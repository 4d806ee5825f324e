// Writes the stream of a job while a run of it goes on: over one socket, gathered for a tenth of a second. What is not known
// to be stored is kept, so that an object that has forgotten it can be told again. A stream that cannot be written never
// holds up the job.

import type { MoveEvent } from "../core/events";
import type { Job } from "../core/job";
import {
  addMessage,
  closingMessage,
  jobLogId,
  type LogMessage,
  type LogNote,
  type Producer,
  SHUT_OUT,
} from "../core/streams/job-log";
import { shardOf } from "../core/streams/stream";
import type { Deps } from "../deps";
import type { Rest } from "../durable/job-logs";
import { errorField } from "../log";
import { insist } from "./insist";
import { KeptBytes } from "./kept-bytes";
import { toLines } from "./log-lines";
import { openLogSocket } from "./log-socket";
import { toldOf } from "./told";

const GATHER_MS = 100;

/** What is said is stored after that long. A row each time: twelve with those around it, for an answer of 20 s. */
export const STORE_AFTER_MS = 2_250;
const RECONNECT_MS = [250, 1_000, 2_000];

/** A run whose words nobody takes until they are that many stops writing: the output has them all. */
const MOST_KEPT_BYTES = 8_000_000;

/** The last words of a run. `commits`: a later run does not take back what was said so far. */
export type Farewell = { event: MoveEvent; commits: boolean };

/** How a run writes its job's stream. Nothing of it throws. */
export type StreamWriter = {
  /** Takes back what an earlier run has said of the same work. */
  begin(): void;
  write(message: LogMessage): void;
  /** What was said so far stays when the job goes on from here in another turn. Resolves when it is stored, or was tried often enough. */
  mark(): Promise<void>;
  /** Resolves when all of it is stored, or was tried often enough. */
  leave(farewell: Farewell): Promise<void>;
  /** The run has lost its job, or leaves it to another to tell of its end. */
  abandon(): void;
};

export class LogWriter implements StreamWriter {
  private readonly producer: Producer;
  private readonly kept = new KeptBytes();
  /** Sent next. */
  private said: LogMessage[] = [];
  /** Sealing takes its time, and order is kept. */
  private putting: Promise<void> = Promise.resolve();
  private isSending = false;
  private socket: WebSocket | null = null;
  /** Up to there it was sent over this socket; null: the object has not said yet where it stands. */
  private sentTo: number | null = null;
  /** The object has said once where this run's words begin. */
  private hasPlace = false;
  /** Nothing more goes over the socket. */
  private isOver = false;
  private rest: Rest | null = null;
  private failures = 0;
  /** When the object is to store what it has not stored yet; null: it has stored all. */
  private storeAt: number | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly deps: Deps,
    private readonly job: Job,
  ) {
    this.producer = { id: jobLogId(job), run: job.run, turns: job.turns };
  }

  begin(): void {
    void this.connect();
  }

  write(message: LogMessage): void {
    if (this.isOver) return;
    addMessage(this.said, message);
    this.storeAt ??= this.deps.now() + STORE_AFTER_MS;
    if (this.timer === null && !this.isSending) void this.send();
  }

  async mark(): Promise<void> {
    const rest = await this.hangUp();
    if (!rest) return;
    await this.insist("stream_not_marked", async (log, id) => {
      const tail = await log.mark(id, rest);
      this.rest = tail === null ? null : { ...rest, from: tail, lines: new Uint8Array() };
    });
  }

  async leave({ event, commits }: Farewell): Promise<void> {
    const rest = await this.hangUp();
    if (!rest) return;
    const last = closingMessage(toldOf(this.deps, event));
    await this.insist("stream_not_left", (log, id) => log.leave(id, { ...rest, last, commits }));
  }

  abandon(): void {
    this.rest = null;
    this.close();
  }

  private close(): void {
    this.isOver = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.socket?.close(1000, "done");
    this.socket = null;
  }

  /** What is not known to be stored is told by calls from now on. Null: not another word. */
  private async hangUp(): Promise<Rest | null> {
    await this.putDown();
    if (this.isOver) return this.rest;
    const { run, turns } = this.producer;
    const from = this.hasPlace ? this.kept.start : null;
    this.rest = { run, turns, from, lines: this.kept.from(this.kept.start) };
    this.close();
    return this.rest;
  }

  private insist(failure: string, tell: (log: Log, id: string) => Promise<void>): Promise<void> {
    const { id } = this.producer;
    const log = this.deps.jobLogs.getByName(shardOf(id));
    return insist(this.deps, failure, { job: this.job.id }, () => tell(log, id));
  }

  private putDown(): Promise<void> {
    this.putting = this.putting.then(async () => {
      const messages = this.said;
      this.said = [];
      this.kept.add(await toLines(this.deps.vault, this.job, messages));
    });
    return this.putting;
  }

  private async connect(): Promise<void> {
    try {
      const opened = await openLogSocket(this.deps, this.producer);
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
    if (this.kept.size === 0 && this.said.length === 0 && !this.isSending) this.storeAt = null;
    if (tail !== undefined) this.sentTo = tail;
    if (this.timer === null && !this.isSending) void this.send();
  }

  private async send(): Promise<void> {
    this.timer = null;
    this.isSending = true;
    await this.putDown();
    this.isSending = false;
    if (this.kept.size > MOST_KEPT_BYTES) this.abandon();
    if (!this.socket || this.sentTo === null || this.storeAt === null) return;
    const now = this.deps.now();
    const isDue = now >= this.storeAt;
    if (this.sentTo < this.kept.end || isDue) {
      const lines = new TextDecoder().decode(this.kept.from(this.sentTo));
      this.socket.send(`${this.sentTo}${isDue ? "!" : ""}\n${lines}`);
      this.sentTo = this.kept.end;
      if (isDue) this.storeAt = now + STORE_AFTER_MS;
      this.sendIn(GATHER_MS);
    } else this.sendIn(this.storeAt - now);
  }

  private sendIn(delayMs: number): void {
    this.timer = setTimeout(() => void this.send(), delayMs);
  }
}

type Log = ReturnType<Deps["jobLogs"]["getByName"]>;
