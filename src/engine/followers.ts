// What the end of a job means for the equal ones that have waited for it: they have ended with it, or the oldest leads now.

import { moveEvent } from "../core/events";
import type { Job } from "../core/job";
import { isFinal } from "../core/lifecycle";
import type { Deps } from "../deps";
import { endedFollowers, pendingLeader } from "../store/followers";
import { announce } from "./announce";
import { endLogs } from "./end-log";
import { ring } from "./ring";

/** Followers that are told at a time. */
const SLICE = 500;

/**
 * The database has moved them in the transaction that ended their leader (migrations/0006_cache.sql); here others hear of it.
 * `onEnded` is called for each slice of those that have ended. Repeatable.
 */
export async function tellFollowers(
  deps: Deps,
  leaders: Job[],
  onEnded: (followers: Job[]) => Promise<void>,
): Promise<void> {
  const ended = leaders.filter(isLeader);
  const lost = ended.filter(({ state }) => state !== "completed");
  const questions = new Map(lost.map((leader) => [`${leader.projectId}/${leader.cacheKey}`, leader]));
  for (const { projectId, cacheKey } of questions.values())
    await startLeader(deps, projectId, cacheKey ?? "");
  for (const leader of ended) if (leader.state !== "cancelled") await tellEnded(deps, leader, onEnded);
}

/** A follower that was cancelled looks like one too: nobody follows it. */
function isLeader({ cacheKey, follows, cached, state }: Job): boolean {
  return cacheKey !== null && follows === null && cached === null && isFinal(state);
}

/** Should its doorbell get lost, the clock rings. */
async function startLeader(deps: Deps, projectId: string, cacheKey: string): Promise<void> {
  const next = await pendingLeader(deps.db, projectId, cacheKey);
  if (!next) return;
  await Promise.all([
    ring(deps, [next]),
    announce(deps, [{ job: next, event: moveEvent(next, deps.now()) }]),
  ]);
}

async function tellEnded(
  deps: Deps,
  leader: Job,
  onEnded: (followers: Job[]) => Promise<void>,
): Promise<void> {
  let after = "";
  for (;;) {
    const ended = await endedFollowers(deps.db, leader, { after, limit: SLICE });
    await announce(
      deps,
      ended.map((job) => ({ job, event: moveEvent(job, deps.now()) })),
    );
    await Promise.all([endLogs(deps, ended), onEnded(ended)]);
    const last = ended.at(-1);
    if (!last || ended.length < SLICE) return;
    after = last.id;
  }
}
