// Streams: logs that are appended to and read from any place, by as many as like. One object holds a share of a project's.
//
// 1. What was acknowledged is in the object's database. Nothing is kept in memory that would be missed.
// 2. Readers who wait have a hibernating socket here: they cost nothing until there is something to tell them.
// 3. A fork is a copy. The stream it was taken from remembers it, and its name stays taken until its last fork is deleted.

import { DurableObject } from "cloudflare:workers";
import type { Place } from "../core/streams/offset";
import { type Append, isSame, type NewStream, shardOf } from "../core/streams/stream";
import type { Env } from "../env";
import { type Refusal, refuse } from "./stream-appends";
import { StreamEras } from "./stream-eras";
import { type Borrowed, type Lent, lend, StreamForks } from "./stream-forks";
import { StreamLives } from "./stream-lives";
import { type Page, readPage } from "./stream-pages";
import { catchUp, tell } from "./stream-readers";
import { type Chunk, type StoredStream, StreamStore } from "./stream-store";
import { StreamWakes } from "./stream-wakes";

/** A stream, as it stands. `next`: the end, where the next append begins. */
export type StreamView = {
  contentType: string;
  ttlS: number | null;
  expiresAt: string | null;
  closed: boolean;
  next: Place;
};

/** `missing`: there is none. `gone`: it was deleted, and forks of it are left. */
export type Absent = { kind: "missing" } | { kind: "gone" };

export type Created =
  | { kind: "created" | "there"; stream: StreamView }
  | { kind: "taken" | "too_large" | "no_project" }
  | Exclude<Borrowed, { kind: "lent" }>;

export type Appended =
  | { kind: "appended"; next: Place; closed: boolean }
  | { kind: "too_large" }
  | Refusal
  | Absent;

/** Where to read from. */
export type From = Place | "start" | "now";

export type Read = { kind: "read"; page: Page; stream: StreamView } | { kind: "bad_offset" } | Absent;

/** What a reader asks for that waits; the API has checked that it may. */
export type Follow = { id: string; from: From };

/** Of all that a stream holds. A fork is copied, and a reader may want all of it. */
const MOST_BYTES = 64_000_000;

/** Lent at a time. */
const LENT_BYTES = 8_000_000;

export class StreamLog extends DurableObject<Env> {
  private readonly store = new StreamStore(this.ctx.storage.sql);
  private readonly lives = new StreamLives(this.store);
  private readonly eras = new StreamEras(this.ctx.storage.kv);
  private readonly wakes = new StreamWakes(this.store, this.lives, this.ctx.storage);
  private readonly forks = new StreamForks(this.store, this.wakes, (id) => this.objectOf(id));

  async create(id: string, wanted: NewStream): Promise<Created> {
    let underWay = this.forks.underWay(id);
    for (; underWay; underWay = this.forks.underWay(id)) await underWay.catch(() => {});
    const there = this.find(id);
    if (there) return this.compare(there, wanted);
    const begin = (lent: Lent | null) => this.begin(id, wanted, lent);
    return wanted.fork ? this.forks.copy(id, wanted, begin) : begin(null);
  }

  async append(id: string, entry: Append): Promise<Appended> {
    const stream = this.find(id);
    if (!stream) return { kind: "missing" };
    if (stream.gone) return { kind: "gone" };
    const tail = this.store.tail(id);
    const refusal = refuse(this.store, stream, { epoch: stream.createdAt, at: tail }, entry);
    if (refusal) return refusal;
    const next = tail + entry.data.byteLength;
    if (next > MOST_BYTES) return { kind: "too_large" };
    const now = Date.now();
    const closed = entry.close || stream.closed;
    this.ctx.storage.transactionSync(() => {
      this.store.append(id, tail, entry.data);
      const { producer, seq, close } = entry;
      if (producer) this.store.setProducer(id, producer.id, producer);
      if (seq === null && !close) return;
      this.store.save({ ...stream, seq: seq ?? stream.seq, closed, touchedAt: now });
    });
    this.lives.touch(stream, now);
    tell(this.ctx.getWebSockets(id), { ...stream, closed }, entry.data, next);
    return { kind: "appended", next: { epoch: stream.createdAt, at: next }, closed };
  }

  async read(id: string, from: From): Promise<Read> {
    const stream = this.find(id);
    if (!stream) return { kind: "missing" };
    if (stream.gone) return { kind: "gone" };
    this.lives.touch(stream, Date.now());
    const page = readPage(this.store, stream, from);
    return page ? { kind: "read", page, stream: this.view(stream) } : { kind: "bad_offset" };
  }

  async head(id: string): Promise<{ kind: "found"; stream: StreamView } | Absent> {
    const stream = this.find(id);
    if (!stream) return { kind: "missing" };
    return stream.gone ? { kind: "gone" } : { kind: "found", stream: this.view(stream) };
  }

  async drop(id: string): Promise<{ kind: "dropped" } | Absent> {
    const stream = this.find(id);
    if (!stream) return { kind: "missing" };
    if (stream.gone) return { kind: "gone" };
    this.end(stream);
    return { kind: "dropped" };
  }

  /** To the object of a fork: its first part, if there may be one. The stream is remembered to have it. */
  async lend(id: string, fork: string, wanted: NewStream): Promise<Borrowed> {
    const stream = this.find(id);
    if (!stream) return { kind: "no_source" };
    if (stream.gone) return { kind: "source_gone" };
    return lend(this.store, stream, fork, wanted);
  }

  async lendChunks(id: string, at: number): Promise<Chunk[]> {
    return [...this.store.chunks(id, at, LENT_BYTES)].filter((chunk) => chunk.at >= at);
  }

  /** A fork was deleted. */
  async release(id: string, fork: string): Promise<void> {
    this.store.dropFork(id, fork);
    const stream = this.store.find(id);
    if (stream?.gone && !this.store.hasForks(id)) this.end(stream);
  }

  /** All that is here: the project is deleted. */
  async forgetAll(): Promise<void> {
    this.eras.forget(Date.now());
    this.store.removeAll();
    this.lives.forgetAll();
    this.closeSockets();
    await this.wakes.never();
  }

  /** A reader comes in who waits for more. */
  override async fetch(request: Request): Promise<Response> {
    const { id, from } = JSON.parse(new URL(request.url).searchParams.get("follow") ?? "null") as Follow;
    const answer = await this.read(id, from);
    if (answer.kind !== "read") return new Response(answer.kind, { status: 404 });
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server, [id]);
    const stream = this.store.find(id);
    if (stream) catchUp(server, this.store, stream, answer.page);
    return new Response(null, { status: 101, webSocket: client });
  }

  override webSocketMessage(): void {
    // Readers have nothing to say.
  }

  override webSocketClose(socket: WebSocket): void {
    socket.close();
  }

  override async alarm(): Promise<void> {
    for (const stream of this.store.findMortal()) this.find(stream.id);
    await this.forks.returnAll();
    await this.wakes.again();
  }

  /** Null when it is not there (any more). One that has expired is ended. */
  private find(id: string): StoredStream | null {
    const stream = this.store.find(id);
    if (!stream || stream.gone) return stream;
    const end = this.lives.endOf(stream);
    if (end === null || end > Date.now()) return stream;
    this.end(stream);
    return this.store.find(id);
  }

  private compare(there: StoredStream, wanted: NewStream): Created {
    if (there.gone || !isSame(there, wanted)) return { kind: "taken" };
    return { kind: "there", stream: this.view(there) };
  }

  private async begin(id: string, wanted: NewStream, lent: Lent | null): Promise<Created> {
    const now = Date.now();
    if (this.eras.isForgotten(now)) return { kind: "no_project" };
    const inherits = lent !== null && wanted.ttlS === null && wanted.expiresAt === null;
    const stream: StoredStream = {
      id,
      contentType: wanted.contentType ?? lent?.contentType ?? "application/octet-stream",
      ttlS: inherits ? lent.ttlS : wanted.ttlS,
      expiresAt: inherits ? lent.expiresAt : wanted.expiresAt,
      closed: wanted.closed,
      createdAt: this.eras.newEpoch(now),
      touchedAt: now,
      fork: wanted.fork && lent && { ...wanted.fork, at: lent.at, inherited: lent.inherited },
      seq: null,
      gone: false,
      log: null,
    };
    const tail = lent?.end ?? 0;
    if (tail + wanted.data.byteLength > MOST_BYTES) return { kind: "too_large" };
    this.ctx.storage.transactionSync(() => {
      // What a copy that was broken off may have left.
      if (!lent) this.store.remove(id);
      this.store.append(id, tail, wanted.data);
      this.store.save(stream);
      if (stream.fork) this.store.dropLoan({ fork: id, source: stream.fork.source });
    });
    this.lives.touch(stream, now);
    await this.wakes.by(this.lives.endOf(stream));
    return { kind: "created", stream: this.view(stream) };
  }

  /** Removes it; if forks of it are left, all but its name. */
  private end(stream: StoredStream): void {
    const { id, fork, createdAt } = stream;
    this.lives.forget(id);
    this.closeSockets(id);
    this.ctx.storage.transactionSync(() => {
      if (this.store.hasForks(id)) {
        this.store.bury(stream);
        return;
      }
      this.store.remove(id);
      this.eras.removed(createdAt);
      if (fork) this.store.addLoan({ fork: id, source: fork.source });
    });
    if (fork) this.ctx.waitUntil(Promise.all([this.wakes.forLoans(), this.forks.returnAll()]));
  }

  /** Of all streams, unless it says which. */
  private closeSockets(id?: string): void {
    for (const socket of this.ctx.getWebSockets(id)) socket.close(1000, "deleted");
  }

  /** As plain promises, which the types of stubs are not. */
  private objectOf(id: string): StreamLog {
    return this.env.STREAM_LOG.getByName(shardOf(id)) as unknown as StreamLog;
  }

  private view({ id, contentType, ttlS, expiresAt, closed, createdAt }: StoredStream): StreamView {
    return { contentType, ttlS, expiresAt, closed, next: { epoch: createdAt, at: this.store.tail(id) } };
  }
}
