// The objects that streams live in, as tests reach for them: to look into them, and to break them.

import { abortAllDurableObjects, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { shardOf, shardsOf } from "../../src/core/streams/stream";
import type { StreamLog } from "../../src/durable/stream-log";

/** Of a stream of the project `default`. */
export function logOf(name: string, project = "default"): DurableObjectStub<StreamLog> {
  return env.STREAM_LOG.getByName(shardOf(`${project}/${name}`));
}

/** `count` names that begin so, each in an object of its own. */
export function apart(prefix: string, count: number): string[] {
  const found = new Map<string, string>();
  for (let i = 0; found.size < count; i++) {
    const shard = shardOf(`default/${prefix}-${i}`);
    if (!found.has(shard)) found.set(shard, `${prefix}-${i}`);
  }
  return [...found.values()];
}

/** As at a deploy: memory and sockets of all objects are gone, and whatever waits for an answer gets none. */
export async function abortAll(): Promise<void> {
  await abortAllDurableObjects();
}

/** The same of one object, as at a crash. */
export async function abort(log: DurableObjectStub<StreamLog>): Promise<void> {
  await runInDurableObject(log, (_, state) => state.abort("broken off by a test")).catch(() => {});
}

/** All readers of the object lose their socket; the object lives on. */
export async function cutSockets(log: DurableObjectStub<StreamLog>): Promise<void> {
  await runInDurableObject(log, (_, state) => {
    for (const socket of state.getWebSockets()) socket.close(1011, "cut");
  }).catch(() => {});
}

/** Leaves memory; sockets sleep. */
export async function evict(log: DurableObjectStub<StreamLog>): Promise<void> {
  await evictDurableObject(log).catch(() => {});
}

export function countSockets(log: DurableObjectStub<StreamLog>): Promise<number> {
  return runInDurableObject(log, (_, state) => state.getWebSockets().length);
}

const TABLES = ["streams", "chunks", "producers", "forks", "loans"];

/** Rows of all streams that the object holds. */
export function countRows(log: DurableObjectStub<StreamLog>): Promise<number> {
  return runInDurableObject(log, (_, { storage }) =>
    TABLES.reduce((sum, table) => {
      return sum + storage.sql.exec<{ rows: number }>(`SELECT COUNT(*) AS rows FROM ${table}`).one().rows;
    }, 0),
  );
}

/** Rows of one stream, or of what is left of it. */
export function countRowsOf(name: string): Promise<number> {
  const id = `default/${name}`;
  const sql = `SELECT (SELECT COUNT(*) FROM streams WHERE id = ?1) + (SELECT COUNT(*) FROM chunks WHERE stream = ?1)
    + (SELECT COUNT(*) FROM producers WHERE stream = ?1) + (SELECT COUNT(*) FROM forks WHERE stream = ?1)
    + (SELECT COUNT(*) FROM loans WHERE fork = ?1) AS rows`;
  return runInDurableObject(
    logOf(name),
    (_, { storage }) => storage.sql.exec<{ rows: number }>(sql, id).one().rows,
  );
}

export async function countProjectRows(project: string): Promise<number> {
  const counts = shardsOf(project).map((shard) => countRows(env.STREAM_LOG.getByName(shard)));
  return (await Promise.all(counts)).reduce((sum, rows) => sum + rows, 0);
}
