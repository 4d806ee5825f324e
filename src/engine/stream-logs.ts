// The way to the streams. One that does not answer is asked again by the caller: nothing is lost.

import { AppError } from "../core/errors";
import { shardOf, shardsOf } from "../core/streams/stream";
import type { Deps } from "../deps";
import type { StreamLog } from "../durable/stream-log";
import { errorField } from "../log";
import { within } from "../store/within";

const PATIENCE_MS = 10_000;

/** Who waits for the end of a project does not wait for an object that does not answer: it is asked again later. */
const FORGET_PATIENCE_MS = 5_000;

/** What an object does with the streams it holds. */
type Log = Pick<StreamLog, "create" | "append" | "read" | "head" | "drop">;

/** Of a stream that an app has made. */
export function streamId(projectId: string, name: string): string {
  return `${projectId}/${name}`;
}

/** What the object of an app's stream answers. Throws `store_unavailable` when it does not. */
export function callLog<T>(deps: Deps, id: string, call: (log: Log) => Promise<T>): Promise<T> {
  return answerOf(call(deps.streams.getByName(shardOf(id)) as unknown as Log));
}

/** Throws `store_unavailable` when none comes. */
export async function answerOf<T>(answer: Promise<T>): Promise<T> {
  try {
    return await within(PATIENCE_MS, answer, () => new Error("the stream does not answer"));
  } catch (error) {
    throw streamAway(error);
  }
}

export function streamAway(cause: unknown): AppError {
  const message = "The stream is not available right now.";
  return new AppError("store_unavailable", { message, retryAfterMs: 1_000, cause });
}

/** Removes all streams of a project. Repeatable. False: some object has not answered, and has to be asked again. */
export async function forgetStreams(deps: Deps, projectId: string): Promise<boolean> {
  const asked = shardsOf(projectId).map(async (shard) => {
    const log = deps.streams.getByName(shard) as unknown as Pick<StreamLog, "forgetAll">;
    await within(FORGET_PATIENCE_MS, log.forgetAll(), () => new Error("the streams do not answer"));
  });
  const failed = (await Promise.allSettled(asked)).find((result) => result.status === "rejected");
  if (failed) deps.log("streams_not_forgotten", { error: errorField(failed.reason) });
  return !failed;
}
