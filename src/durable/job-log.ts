// Streams of jobs: each object holds those of a share of a project's jobs.
//
// 1. A run writes over a socket of its own. What it says goes to the readers at once, and into the database a little later.
// 2. It leaves with a call, which is answered when all is stored. A later run shuts it out.
// 3. Reading is that of any other stream.
// 4. A live call runs here, beside its stream: nothing lies between a word and its readers.

import { DurableObject } from "cloudflare:workers";
import type { WholeJob } from "../core/job";
import {
  jobLogId,
  jobOf,
  type LogMessage,
  type LogNote,
  type Producer,
  SHUT_OUT,
} from "../core/streams/job-log";
import { createDeps } from "../deps";
import { giveUp } from "../engine/give-up";
import { runJob } from "../engine/run";
import { createRunTools } from "../engine/run-batch";
import type { Env } from "../env";
import { createRunDeps } from "../run-deps";
import { JobLogs, type Leaving, newLog, type Rest } from "./job-logs";
import { LiveWriter } from "./live-writer";
import type { Follow, From, Read } from "./stream-log";
import { readPage } from "./stream-pages";
import { catchUp, tell } from "./stream-readers";
import { type StoredStream, StreamStore } from "./stream-store";

/** The job's last run, and what to say of it. */
export type Ending = { run: number; last: LogMessage };

const PRODUCERS = "producers";

export class JobLog extends DurableObject<Env> {
  private readonly deps = createRunDeps(createDeps(this.env, this.ctx), this.env);
  private readonly tools = createRunTools(this.deps, (job) => new LiveWriter(this.deps, job, this.logs));
  private readonly store = new StreamStore(this.ctx.storage.sql);
  private readonly logs = new JobLogs(this.store, {
    told: (stream, data, next) => tell(this.ctx.getWebSockets(stream.id), stream, data, next),
    stored: (id, note) => this.tellProducers(id, note),
  });

  /** Live calls that run here now. */
  private readonly running = new Set<string>();

  /** A job that has not written yet has an empty stream. `end`: how it has ended, should nobody have told it. */
  async read(id: string, from: From, end: Ending | null): Promise<Read> {
    if (end) this.logs.end(id, end.run, end.last);
    const stream = this.store.find(id) ?? newLog(id, 0);
    this.giveUpDead(stream);
    const page = readPage(this.logs, stream, from);
    if (!page) return { kind: "bad_offset" };
    const { contentType, ttlS, expiresAt, closed } = stream;
    const next = { epoch: page.epoch, at: this.logs.tail(id) };
    return { kind: "read", page, stream: { contentType, ttlS, expiresAt, closed, next } };
  }

  /** A job that was claimed for it. Answered at once; the run keeps the object awake, for 15 minutes at the most. */
  async run(job: WholeJob): Promise<void> {
    const id = jobLogId(job);
    this.running.add(id);
    const run = runJob(this.deps, this.tools.watch.add(job), this.tools);
    this.ctx.waitUntil(run.finally(() => this.running.delete(id)));
  }

  /** A run that has died with an earlier life of this object is given up, once: however many readers come back, D1 hears of it from one. */
  private giveUpDead(stream: StoredStream): void {
    const { id, log } = stream;
    if (!log?.live || log.left !== null || this.running.has(id)) return;
    this.store.save({ ...stream, log: { ...log, live: false } });
    this.ctx.waitUntil(giveUp(this.deps, jobOf(id), log.run));
  }

  /** See JobLogs. */
  async mark(id: string, rest: Rest): Promise<number | null> {
    return this.logs.mark(id, rest);
  }

  async leave(id: string, leaving: Leaving): Promise<void> {
    this.logs.leave(id, leaving);
    for (const socket of this.producersOf(id, leaving.run)) socket.close(1000, "done");
  }

  async end(endings: ({ id: string } & Ending)[]): Promise<void> {
    for (const { id, run, last } of endings) this.logs.end(id, run, last);
  }

  async reopen(logs: { id: string; run: number }[]): Promise<void> {
    for (const { id, run } of logs) this.logs.reopen(id, run);
  }

  async forget(ids: string[]): Promise<void> {
    for (const id of ids) {
      this.logs.forget(id);
      for (const socket of this.ctx.getWebSockets(id)) socket.close(1000, "deleted");
    }
  }

  /** A reader who waits for more, or a run that writes. */
  override async fetch(request: Request): Promise<Response> {
    const { searchParams } = new URL(request.url);
    const { 0: client, 1: server } = new WebSocketPair();
    const produce = searchParams.get("produce");
    const isOpen = produce ? this.letWrite(server, JSON.parse(produce)) : await this.letRead(server, request);
    if (!isOpen) return new Response(null, { status: 409 });
    return new Response(null, { status: 101, webSocket: client });
  }

  /** Where the messages belong, with a `!` if all is to be stored now; and then the messages, on lines of their own. */
  override webSocketMessage(socket: WebSocket, frame: string | ArrayBuffer): void {
    const producer = socket.deserializeAttachment() as Producer | null;
    if (producer === null || typeof frame !== "string" || !("run" in producer)) return;
    const [head = "", from = "", store = ""] = /^(\d+)(!?)\n/.exec(frame) ?? [];
    const lines = new TextEncoder().encode(frame.slice(head.length));
    const { id, run } = producer;
    const isTaken = this.logs.take(id, run, { from: Number(from), lines, stores: store !== "" });
    if (!isTaken) socket.close(SHUT_OUT, "superseded");
  }

  override webSocketClose(socket: WebSocket): void {
    socket.close();
  }

  private letWrite(socket: WebSocket, producer: Producer): boolean {
    const place = this.logs.open(producer);
    if (!place) return false;
    this.ctx.acceptWebSocket(socket, [PRODUCERS]);
    socket.serializeAttachment(producer);
    socket.send(JSON.stringify(place));
    return true;
  }

  private async letRead(socket: WebSocket, request: Request): Promise<boolean> {
    const { id, from } = JSON.parse(new URL(request.url).searchParams.get("follow") ?? "null") as Follow;
    const answer = await this.read(id, from, null);
    if (answer.kind !== "read") return false;
    this.ctx.acceptWebSocket(socket, [id]);
    catchUp(socket, this.logs, this.store.find(id) ?? newLog(id, 0), answer.page);
    return true;
  }

  private tellProducers(id: string, note: LogNote): void {
    for (const socket of this.producersOf(id, null)) {
      try {
        socket.send(JSON.stringify(note));
      } catch {
        // It closed a moment ago: whoever it was keeps what is not known to be stored.
      }
    }
  }

  private producersOf(id: string, run: number | null): WebSocket[] {
    return this.ctx.getWebSockets(PRODUCERS).filter((socket) => {
      const producer = socket.deserializeAttachment() as Producer;
      return producer.id === id && (run === null || producer.run === run);
    });
  }
}
