// Forks: how far a stream is copied, and the copying, which may lead from one object to another. Broken off anywhere, it can be
// done again; if it is not, its object's alarm clears up what it has left here and at the source.

import { LIMITS } from "../core/limits";
import { isGivenOut, type Place } from "../core/streams/offset";
import { isJson, mediaType, type NewStream } from "../core/streams/stream";
import { errorField, log } from "../log";
import type { StreamLog } from "./stream-log";
import { isBetween } from "./stream-pages";
import { CHUNK_BYTES, type Chunk, type Loan, type StoredStream, type StreamStore } from "./stream-store";
import type { StreamWakes } from "./stream-wakes";

/** `at`: where the fork was asked to begin. `end`: with what was asked for of the append that follows. */
export type Lent = {
  kind: "lent";
  contentType: string;
  ttlS: number | null;
  expiresAt: string | null;
  at: Place;
  end: number;
  /** Offsets of which other streams are good in the fork, and up to where. */
  inherited: Place[];
};

export type Borrowed =
  | Lent
  | { kind: "no_source" | "source_gone" | "source_away" | "bad_offset" | "bad_sub" | "other_type" };

const NEWLINE = 10;

/** An append is not longer than that, and so is what is looked through for a part of one. */
const APPEND_BYTES = LIMITS.streamAppendBytes;

export function lend(
  store: StreamStore,
  stream: StoredStream,
  fork: string,
  { contentType, fork: wish }: NewStream,
): Borrowed {
  const { id, ttlS, expiresAt, createdAt: epoch } = stream;
  if (contentType !== null && mediaType(contentType) !== mediaType(stream.contentType)) {
    return { kind: "other_type" };
  }
  const inherited = stream.fork?.inherited ?? [];
  const tail = store.tail(id);
  const place = wish?.at ?? { epoch, at: tail };
  const { at } = place;
  if (at > tail || !isGivenOut(place, epoch, inherited) || !isBetween(store, stream, at)) {
    return { kind: "bad_offset" };
  }
  const end = endOf(store, stream, at, wish?.sub ?? 0);
  if (end === null) return { kind: "bad_sub" };
  store.addFork(id, fork);
  const kept = inherited.map((one) => ({ ...one, at: Math.min(one.at, end) }));
  return {
    ...{ kind: "lent", contentType: stream.contentType, ttlS, expiresAt },
    ...{ at: { epoch, at }, end, inherited: [...kept, { epoch, at: end }] },
  };
}

/** `sub` bytes or messages of the append that begins at `at`; null: it has not that many. */
function endOf(
  store: StreamStore,
  { id, contentType }: StoredStream,
  at: number,
  sub: number,
): number | null {
  if (sub === 0) return at;
  let end = at;
  let left = sub;
  for (const chunk of store.chunks(id, at, APPEND_BYTES)) {
    const data = chunk.data.subarray(Math.max(0, at - chunk.at));
    if (!isJson(contentType)) {
      if (left <= data.byteLength) return end + left;
      left -= data.byteLength;
    } else {
      for (let i = data.indexOf(NEWLINE); i !== -1; i = data.indexOf(NEWLINE, i + 1)) {
        left -= 1;
        if (left === 0) return end + i + 1;
      }
    }
    end += data.byteLength;
    // Only a full one may be the beginning of a longer append.
    if (chunk.data.byteLength < CHUNK_BYTES) return null;
  }
  return null;
}

type Source = Pick<StreamLog, "lend" | "lendChunks" | "release">;

export class StreamForks {
  /** Forks that are being copied or given back, by name. */
  private readonly busy = new Map<string, Promise<unknown>>();

  constructor(
    private readonly store: StreamStore,
    private readonly wakes: StreamWakes,
    private readonly objectOf: (id: string) => Source,
  ) {}

  /** Resolves when nothing is under way any more that may bring a stream of this name. Undefined: nothing is. */
  underWay(id: string): Promise<unknown> | undefined {
    return this.busy.get(id);
  }

  /** Copies what `wanted` asks for; `begin` makes a stream of it, and of the loan a fork. */
  async copy<T extends { kind: string }>(
    id: string,
    wanted: NewStream,
    begin: (lent: Lent) => Promise<T>,
  ): Promise<T | Exclude<Borrowed, Lent>> {
    const loan = { fork: id, source: wanted.fork?.source ?? "" };
    return this.alone(id, async () => {
      this.store.addLoan(loan);
      await this.wakes.forLoans();
      const lent = await this.borrow(loan, wanted);
      const begun = lent.kind === "lent" ? await begin(lent) : lent;
      if (begun.kind !== "created") await this.returnLoan(loan);
      return begun;
    });
  }

  /** What copies that were broken off have left, and what sources were not told of yet. */
  async returnAll(): Promise<void> {
    const due = this.store.loans().filter(({ fork }) => !this.busy.has(fork));
    await Promise.all(due.map((loan) => this.alone(loan.fork, () => this.returnLoan(loan))));
  }

  /** Of a fork that is not there. A source that does not answer is told later. */
  async returnLoan(loan: Loan): Promise<void> {
    const { fork, source } = loan;
    if (!this.store.find(fork)) this.store.remove(fork);
    try {
      await this.objectOf(source).release(source, fork);
      this.store.dropLoan(loan);
    } catch (error) {
      log("fork_not_released", { error: errorField(error) });
    }
  }

  private async borrow(loan: Loan, wanted: NewStream): Promise<Borrowed> {
    try {
      return await this.copyAll(loan, wanted);
    } catch (error) {
      log("fork_not_copied", { error: errorField(error) });
      return { kind: "source_away" };
    }
  }

  private async copyAll({ fork, source: name }: Loan, wanted: NewStream): Promise<Borrowed> {
    const source = this.objectOf(name);
    const lent: Borrowed = await source.lend(name, fork, wanted);
    if (lent.kind !== "lent") return lent;
    this.store.remove(fork);
    for (let at = 0; at < lent.end; at = this.store.tail(fork)) {
      const chunks: Chunk[] = await source.lendChunks(name, at);
      if (chunks.length === 0) return { kind: "no_source" };
      for (const chunk of chunks) {
        if (chunk.at < lent.end) this.store.append(fork, chunk.at, chunk.data.slice(0, lent.end - chunk.at));
      }
    }
    return lent;
  }

  private alone<T>(fork: string, act: () => Promise<T>): Promise<T> {
    const acting = act().finally(() => this.busy.delete(fork));
    this.busy.set(fork, acting);
    return acting;
  }
}
