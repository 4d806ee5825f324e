// The streams of one object, in its own database: a row for each stream, one for each append, one for each producer.

import type { Place } from "../core/streams/offset";
import type { ProducerState } from "../core/streams/producer";
import type { Fork, StreamConfig } from "../core/streams/stream";

/** A row holds 2 MB at most: of longer appends there are several. */
export const CHUNK_BYTES = 1_000_000;

/** Of a chunk that grows: what is written again each time it does. */
const EXTENDED_BYTES = 32_000;

export type StoredStream = StreamConfig & {
  id: string;
  /** Also the epoch of its offsets. */
  createdAt: number;
  /** Last read or written, as far as that was worth a row. */
  touchedAt: number;
  /** `inherited`: up to where offsets of which other streams are good here. */
  fork: (Fork & { inherited: Place[] }) | null;
  /** The greatest `seq` of an append. */
  seq: string | null;
  /** Deleted or expired, while streams that were forked from it are there. */
  gone: boolean;
  /** Of a job's stream; null: of an app's own. */
  log: LogState | null;
};

/** Who writes a job's stream, and what of it is settled. */
export type LogState = {
  /** The newest run that has written. Older ones are refused. */
  run: number;
  /** Up to there it stays when a run starts over. */
  committed: number;
  /** Where each epoch began: readers of an older one may have seen bytes behind that place which are no more. */
  epochs: number[];
  /** That run has said its last words: what it said stays, or a later run takes it back. Null: it goes on. */
  left: "kept" | "void" | null;
  /** That run is one of the object itself, and has not been given up. */
  live: boolean;
  /** Up to there it was said when that run ended a turn of the job, the so-maniest. Whether it did, the database knows. */
  mark: { turns: number; at: number } | null;
};

/** The source knows of a fork that is not there: not yet, or not any more. */
export type Loan = { fork: string; source: string };

export type Chunk = { at: number; data: Uint8Array };

type Row = {
  id: string;
  content_type: string;
  created_at: number;
  touched_at: number;
  ttl_s: number | null;
  expires_at: string | null;
  closed: number;
  seq: string | null;
  fork: string | null;
  gone: number;
  log: string | null;
};

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS streams (id TEXT PRIMARY KEY, content_type TEXT NOT NULL, created_at INTEGER NOT NULL,
    touched_at INTEGER NOT NULL, ttl_s INTEGER, expires_at TEXT, closed INTEGER NOT NULL, seq TEXT, fork TEXT,
    gone INTEGER NOT NULL, log TEXT) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS chunks (stream TEXT NOT NULL, at INTEGER NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (stream, at)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS producers (stream TEXT NOT NULL, id TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (stream, id)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS forks (stream TEXT NOT NULL, fork TEXT NOT NULL, PRIMARY KEY (stream, fork)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS loans (fork TEXT NOT NULL, source TEXT NOT NULL, PRIMARY KEY (fork, source)) WITHOUT ROWID`;

/** What belongs to a stream, besides its own row. */
const PARTS = ["chunks", "producers", "forks"];

export class StreamStore {
  constructor(private readonly sql: SqlStorage) {
    sql.exec(SCHEMA);
  }

  find(id: string): StoredStream | null {
    const [row] = this.sql.exec<Row>("SELECT * FROM streams WHERE id = ?", id).toArray();
    return row ? toStream(row) : null;
  }

  /** Those that end by themselves: when each is looked at is the caller's business. */
  findMortal(): StoredStream[] {
    const sql = "SELECT * FROM streams WHERE gone = 0 AND (ttl_s IS NOT NULL OR expires_at IS NOT NULL)";
    return this.sql.exec<Row>(sql).toArray().map(toStream);
  }

  save(stream: StoredStream): void {
    const { id, contentType, createdAt, touchedAt, ttlS, expiresAt, closed, seq, fork, gone, log } = stream;
    this.sql.exec(
      "INSERT OR REPLACE INTO streams VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      ...[id, contentType, createdAt, touchedAt, ttlS, expiresAt, Number(closed), seq],
      ...[fork && JSON.stringify(fork), Number(gone), log && JSON.stringify(log)],
    );
  }

  /** With all that belongs to it. */
  remove(id: string): void {
    this.sql.exec("DELETE FROM streams WHERE id = ?", id);
    for (const table of PARTS) this.sql.exec(`DELETE FROM ${table} WHERE stream = ?`, id);
  }

  /** All but that it was there, and its forks. */
  bury(stream: StoredStream): void {
    this.save({ ...stream, gone: true });
    for (const table of ["chunks", "producers"])
      this.sql.exec(`DELETE FROM ${table} WHERE stream = ?`, stream.id);
  }

  removeAll(): void {
    for (const table of ["streams", "loans", ...PARTS]) this.sql.exec(`DELETE FROM ${table}`);
  }

  /** Where the next append begins. */
  tail(id: string): number {
    const sql = "SELECT at + length(data) AS tail FROM chunks WHERE stream = ? ORDER BY at DESC LIMIT 1";
    return this.sql.exec<{ tail: number }>(sql, id).toArray()[0]?.tail ?? 0;
  }

  append(id: string, at: number, data: Uint8Array): void {
    for (let from = 0; from < data.byteLength; from += CHUNK_BYTES) {
      const part = data.slice(from, from + CHUNK_BYTES);
      this.sql.exec("INSERT INTO chunks VALUES (?, ?, ?)", id, at + from, part);
    }
  }

  /** Makes the last chunk longer, while it is short; else begins another. A row either way. */
  extend(id: string, at: number, data: Uint8Array): void {
    const sql = "SELECT at, data FROM chunks WHERE stream = ? ORDER BY at DESC LIMIT 1";
    const [last] = this.sql.exec<{ at: number; data: ArrayBuffer }>(sql, id).toArray();
    if (!last || last.data.byteLength >= EXTENDED_BYTES) {
      this.append(id, at, data);
      return;
    }
    const whole = new Uint8Array(last.data.byteLength + data.byteLength);
    whole.set(new Uint8Array(last.data));
    whole.set(data, last.data.byteLength);
    this.sql.exec("UPDATE chunks SET data = ? WHERE stream = ? AND at = ?", whole, id, last.at);
  }

  /** The chunks from the one that holds the byte `at` on, until there are this many bytes. */
  *chunks(id: string, at: number, bytes: number): Generator<Chunk> {
    const sql = `SELECT at, data FROM chunks WHERE stream = ?1
      AND at >= COALESCE((SELECT MAX(at) FROM chunks WHERE stream = ?1 AND at <= ?2), 0) ORDER BY at`;
    let left = bytes;
    for (const row of this.sql.exec<{ at: number; data: ArrayBuffer }>(sql, id, at)) {
      const data = new Uint8Array(row.data);
      yield { at: row.at, data };
      left -= row.at + data.byteLength - Math.max(at, row.at);
      if (left <= 0) return;
    }
  }

  producer(id: string, producer: string): ProducerState | null {
    const sql = "SELECT epoch, seq FROM producers WHERE stream = ? AND id = ?";
    return this.sql.exec<ProducerState>(sql, id, producer).toArray()[0] ?? null;
  }

  setProducer(id: string, producer: string, { epoch, seq }: ProducerState): void {
    this.sql.exec("INSERT OR REPLACE INTO producers VALUES (?, ?, ?, ?)", id, producer, epoch, seq);
  }

  addFork(id: string, fork: string): void {
    this.sql.exec("INSERT OR IGNORE INTO forks VALUES (?, ?)", id, fork);
  }

  dropFork(id: string, fork: string): void {
    this.sql.exec("DELETE FROM forks WHERE stream = ? AND fork = ?", id, fork);
  }

  hasForks(id: string): boolean {
    return this.sql.exec("SELECT 1 FROM forks WHERE stream = ? LIMIT 1", id).toArray().length > 0;
  }

  addLoan({ fork, source }: Loan): void {
    this.sql.exec("INSERT OR IGNORE INTO loans VALUES (?, ?)", fork, source);
  }

  dropLoan({ fork, source }: Loan): void {
    this.sql.exec("DELETE FROM loans WHERE fork = ? AND source = ?", fork, source);
  }

  loans(): Loan[] {
    return this.sql.exec<Loan>("SELECT fork, source FROM loans").toArray();
  }
}

function toStream(row: Row): StoredStream {
  return {
    id: row.id,
    contentType: row.content_type,
    createdAt: row.created_at,
    touchedAt: row.touched_at,
    ttlS: row.ttl_s,
    expiresAt: row.expires_at,
    closed: row.closed === 1,
    seq: row.seq,
    fork: row.fork === null ? null : (JSON.parse(row.fork) as StoredStream["fork"]),
    gone: row.gone === 1,
    log: row.log === null ? null : (JSON.parse(row.log) as LogState),
  };
}
