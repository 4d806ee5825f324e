// Asks each dependency whether it answers. Queues are asked for their metrics, never sent to.

import { AppError } from "../core/errors";
import type { Deps } from "../deps";
import { pingObjects } from "../store/objects";
import { pingDatabase } from "../store/schema";

export type Check = { ok: boolean; reason: string | null; backlog?: number };
export type Health = Record<
  "database" | "objects" | "jobs_queue" | "bulk_queue" | "events" | "models",
  Check
>;

/** A dependency that does not answer in time is as good as away. */
const PATIENCE_MS = 3_000;

export async function checkHealth(deps: Deps): Promise<Health> {
  const [database, objects, jobsQueue, bulkQueue, events] = await Promise.all([
    check(() => pingDatabase(deps.db)),
    check(() => pingObjects(deps.bucket)),
    checkQueue(deps.jobsQueue),
    checkQueue(deps.bulkQueue),
    check(() => deps.hubs.getByName("health").publish([])),
  ]);
  return {
    database,
    objects,
    jobs_queue: jobsQueue,
    bulk_queue: bulkQueue,
    events,
    models: checkModels(deps),
  };
}

/** Only what is cheap, for everybody: the database, and whether there is a model at all. */
export async function checkBriefly(deps: Deps): Promise<Pick<Health, "database" | "models">> {
  return { database: await check(() => pingDatabase(deps.db)), models: checkModels(deps) };
}

async function checkQueue(queue: Queue): Promise<Check> {
  let backlog = 0;
  const result = await check(async () => {
    backlog = (await queue.metrics()).backlogCount;
  });
  return { ...result, backlog };
}

async function check(ask: () => Promise<unknown>): Promise<Check> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${PATIENCE_MS} ms`)), PATIENCE_MS);
  try {
    await Promise.race([ask(), late]);
    return { ok: true, reason: null };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
  }
}

function checkModels(deps: Deps): Check {
  try {
    deps.config.catalogue.resolve(undefined, "chat");
    return { ok: true, reason: null };
  } catch (error) {
    return { ok: false, reason: error instanceof AppError ? error.message : "no chat model" };
  }
}
