// The streams of jobs, while they are written. What a run says is told to readers at once and stored when the run asks for
// it, in few rows: until it hears that it is stored it keeps it, and says it again to an object that has forgotten. There is
// no timer here, so that the object can hibernate.

import { joined } from "../core/bytes";
import { type LogMessage, type LogNote, type Producer, toLine } from "../core/streams/job-log";
import { formatOffset } from "../core/streams/offset";
import { rollbackTo, saidIn } from "../core/streams/said";
import type { Chunk, LogState, StoredStream, StreamStore } from "./stream-store";

/** What is not stored yet is, when it is that much. */
const STORE_AT_BYTES = 32_000;

/** Said and not stored yet. */
type Pending = { from: number; parts: Uint8Array[]; bytes: number };

/** The rest of what a run has said. `from`: where it begins; null: the run never heard. `turns`: of the job, before this run. */
export type Rest = { run: number; turns: number; from: number | null; lines: Uint8Array };

/** What a run says when it leaves: the rest of its words, and how it left. */
export type Leaving = Rest & {
  last: LogMessage;
  /** A later run does not take back what was said so far. */
  commits: boolean;
};

/** Some of what a run says, and where it belongs. */
export type Piece = { from: number; lines: Uint8Array; stores: boolean };

type WrittenStream = StoredStream & { log: LogState };

type Hooks = {
  /** Said now. */
  told(stream: StoredStream, data: Uint8Array, next: number): void;
  stored(id: string, note: LogNote): void;
};

export class JobLogs {
  private readonly pending = new Map<string, Pending>();

  constructor(
    private readonly store: StreamStore,
    private readonly hooks: Hooks,
  ) {}

  tail(id: string): number {
    const pending = this.pending.get(id);
    return pending ? pending.from + pending.bytes : this.store.tail(id);
  }

  /** Stored or not. */
  *chunks(id: string, at: number, bytes: number): Generator<Chunk> {
    yield* this.store.chunks(id, at, bytes);
    const pending = this.pending.get(id);
    if (pending) yield { at: pending.from, data: joined(pending.parts) };
  }

  /** A run begins to write (a live one is its job's first), or goes on to an object that was away. Null: a later run has taken its place, or it is closed. */
  open({ id, run, turns }: Producer, live = false): Required<LogNote> | null {
    const stream = this.store.find(id);
    const log = stream?.log ?? null;
    if (log && (run < log.run || (run === log.run && stream?.closed))) return null;
    if (!stream || !log) this.store.save(newLog(id, run, live));
    else if (run > log.run && stream.closed) this.beginAnew(stream, log, run);
    else if (run > log.run) this.takeOver(stream, log, run, turns);
    return { stored: this.store.tail(id), tail: this.tail(id) };
  }

  /** False: it is not for this run to write any more. What was said before is heard once. `stores`: all is to be stored now. */
  take(id: string, run: number, { from, lines, stores }: Piece): boolean {
    const stream = this.store.find(id);
    if (!stream?.log || stream.log.run !== run || stream.log.left !== null) return false;
    const tail = this.tail(id);
    // Something in between is missing: the run goes on from where we are when it is told.
    if (from > tail) this.hooks.stored(id, { stored: this.store.tail(id), tail });
    else if (from + lines.byteLength > tail) this.add(stream, tail, lines.slice(tail - from));
    if (stores) this.flush(id);
    return true;
  }

  /** The run ends a turn here: what was said so far stays if the database takes it. Repeatable. Where that is; null: it may not. */
  mark(id: string, rest: Rest): number | null {
    const stream = this.takeRest(id, rest);
    if (!stream) return null;
    this.flush(id);
    const at = this.tail(id);
    this.store.save({ ...stream, log: { ...stream.log, mark: { turns: rest.turns + 1, at } } });
    return at;
  }

  /** The run's last words. Repeatable. */
  leave(id: string, { last, commits, ...rest }: Leaving): void {
    if (this.takeRest(id, rest)) this.finish(id, last, commits);
  }

  /** The end of a job that no run tells: it was cancelled, or its run has died. */
  end(id: string, run: number, last: LogMessage): void {
    const stream = this.store.find(id);
    if (stream?.closed) return;
    if (!stream?.log) this.store.save(newLog(id, run));
    else if (!this.pending.has(id))
      this.startOver(stream, { ...stream.log, committed: this.lastWord(id, stream.log) });
    const isCut = last.type === "end" && last.state === "completed" && (stream?.log?.left ?? null) === null;
    this.finish(id, isCut ? { ...last, cut: true } : last, true);
  }

  /** The job is to be run again from the start, after this last run. Repeatable. */
  reopen(id: string, run: number): void {
    const stream = this.store.find(id);
    if (!stream?.closed || stream.log?.run !== run) return;
    this.beginAnew(stream, stream.log, run);
    this.flush(id);
    const begun = this.store.find(id);
    if (begun?.log)
      this.store.save({ ...begun, log: { ...begun.log, committed: this.tail(id), left: "kept" } });
  }

  forget(id: string): void {
    this.pending.delete(id);
    this.store.remove(id);
  }

  /** Null: it is not for this run to say more. */
  private takeRest(id: string, { run, turns, from, lines }: Rest): WrittenStream | null {
    const place = this.open({ id, run, turns });
    const stream = this.store.find(id);
    if (!place || !stream?.log || stream.log.left !== null) return null;
    // What is missing in between was lost with an object: the output has it.
    this.take(id, run, { from: Math.min(from ?? place.tail, place.tail), lines, stores: false });
    return { ...stream, log: stream.log };
  }

  private finish(id: string, last: LogMessage, commits: boolean): void {
    const stream = this.store.find(id);
    if (!stream?.log) return;
    const line = new TextEncoder().encode(toLine(last));
    const closed = last.type === "end";
    this.add({ ...stream, closed }, this.tail(id), line);
    this.flush(id);
    const isKept = closed || commits;
    const committed = isKept ? this.tail(id) : stream.log.committed;
    this.store.save({ ...stream, closed, log: { ...stream.log, committed, left: isKept ? "kept" : "void" } });
  }

  /** What nobody goes on with stays as it is, but for an attempt that had failed. */
  private lastWord(id: string, log: LogState): number {
    return log.left === "void" ? log.committed : this.tail(id);
  }

  /** A job that had ended is run again from the start: nothing of what it said counts. */
  private beginAnew(stream: StoredStream, log: LogState, run: number): void {
    this.startOver({ ...stream, closed: false }, { ...log, run, left: null, live: false, committed: 0 });
  }

  private takeOver(stream: StoredStream, log: LogState, run: number, turns: number): void {
    // That turn counts, whether or not its run could say so.
    const marked = log.mark?.turns === turns ? log.mark.at : 0;
    const committed = Math.max(log.committed, marked);
    const begun = { ...log, run, left: null, live: false, committed };
    const isWhole = (log.left === "kept" || marked > 0) && this.tail(stream.id) === committed;
    // Nobody can have seen more than the run before has left behind.
    if (isWhole) this.store.save({ ...stream, log: begun });
    else this.startOver(stream, begun);
  }

  /** What came after the committed part is void, and readers are told so. */
  private startOver(stream: StoredStream, log: LogState): void {
    const { id } = stream;
    this.flush(id);
    const at = this.tail(id);
    const to = formatOffset({ epoch: log.epochs.length - 1, at: log.committed });
    const said = saidIn(messagesIn(this.store.chunks(id, 0, log.committed), log.committed));
    const begun = { ...stream, log: { ...log, mark: null, epochs: [...log.epochs, at] } };
    this.store.save(begun);
    this.add(begun, at, new TextEncoder().encode(toLine(rollbackTo(to, said))));
  }

  private add(stream: StoredStream, at: number, data: Uint8Array): void {
    const { id } = stream;
    const pending: Pending = this.pending.get(id) ?? { from: at, parts: [], bytes: 0 };
    this.pending.set(id, pending);
    pending.parts.push(data);
    pending.bytes += data.byteLength;
    this.hooks.told(stream, data, at + data.byteLength);
    if (pending.bytes >= STORE_AT_BYTES) this.flush(id);
  }

  private flush(id: string): void {
    const pending = this.pending.get(id);
    if (!pending) return;
    this.pending.delete(id);
    this.store.extend(id, pending.from, joined(pending.parts));
    this.hooks.stored(id, { stored: this.store.tail(id) });
  }
}

/** Those of the first so many bytes. */
function messagesIn(chunks: Iterable<Chunk>, bytes: number): LogMessage[] {
  const lines = new TextDecoder().decode(joined([...chunks].map(({ data }) => data)).subarray(0, bytes));
  return lines.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as LogMessage]));
}

/** Before anything is written. */
export function newLog(id: string, run: number, live = false): StoredStream {
  return {
    ...{ id, contentType: "application/json", ttlS: null, expiresAt: null, closed: false },
    // All streams of a job are the same one.
    ...{ createdAt: 0, touchedAt: 0, fork: null, seq: null, gone: false },
    log: { run, committed: 0, epochs: [0], left: null, live, mark: null },
  };
}
