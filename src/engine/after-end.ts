// What the end of jobs means for others: who waits for a concurrency key, a parent that waits, children that are left open,
// equal jobs that have waited for it.

import { openChildren } from "../core/children";
import { moveEvent, parentProgress } from "../core/events";
import type { Job } from "../core/job";
import { isFinal } from "../core/lifecycle";
import type { Deps } from "../deps";
import { errorField } from "../log";
import type { JobKey } from "../store/db";
import { getJobs } from "../store/jobs";
import { announce, type News } from "./announce";
import { armClockFor } from "./arm-clock";
import { tellFollowers } from "./followers";
import { freeKey } from "./free-key";
import { ring } from "./ring";

/** Never throws: whatever is not done for now, the clock finds. */
export async function afterEnd(deps: Deps, jobs: Job[]): Promise<void> {
  const ended = jobs.filter(({ state }) => isFinal(state));
  await Promise.all([
    freeKey(deps, jobs),
    tellParents(deps, parentsOf(ended)),
    leaveToClock(deps, ended.filter(hasOpenChildren)),
    afterLeaders(deps, ended),
  ]);
}

/** Also for those that ended before, should whoever ended them have died before it could tell. Never throws. */
export async function afterLeaders(deps: Deps, ended: Job[]): Promise<void> {
  try {
    await tellFollowers(deps, ended, (followers) => tellParents(deps, parentsOf(followers)));
  } catch (error) {
    deps.log("followers_not_told", { jobs: ended.length, error: errorField(error) });
  }
}

/** Runs that are over, of all runs of an invocation: children that end together concern their parent once. */
export type Ends = { add(job: Job): void };

export function createEnds(deps: Deps): Ends {
  let jobs: Job[] = [];
  let isBusy = false;

  async function work(): Promise<void> {
    isBusy = true;
    while (jobs.length > 0) {
      const taken = jobs;
      jobs = [];
      await afterEnd(deps, taken);
    }
    isBusy = false;
  }

  return {
    add(job) {
      jobs.push(job);
      if (!isBusy) deps.background(work());
    },
  };
}

/** What these jobs leave behind goes with them. Never throws. */
export async function afterErasure(deps: Deps, jobs: Job[]): Promise<void> {
  await leaveToClock(
    deps,
    jobs.filter(({ children }) => children !== null),
  );
}

/**
 * Their children are cancelled or erased by operations, which the database has begun in the transaction that ended or erased
 * the job (migrations/0004_children.sql). The clock goes on with them.
 */
async function leaveToClock(deps: Deps, parents: Job[]): Promise<void> {
  if (parents.length > 0) await armClockFor(deps, 0);
}

function hasOpenChildren({ children }: Job): boolean {
  return children !== null && openChildren(children) > 0;
}

function parentsOf(jobs: Job[]): JobKey[] {
  const parents = new Map<string, JobKey>();
  for (const { projectId, parentId } of jobs) {
    if (parentId !== null) parents.set(parentId, { projectId, id: parentId });
  }
  return [...parents.values()];
}

/** Rings for those that go on, and tells of all how far they are. */
async function tellParents(deps: Deps, keys: JobKey[]): Promise<void> {
  if (keys.length === 0) return;
  try {
    const parents = await getJobs(deps.db, keys);
    const resumed = parents.filter((job) => job.state === "pending" && job.onChildFailure !== null);
    const news = parents.flatMap((job): News[] => {
      if (resumed.includes(job)) return [{ job, event: moveEvent(job, deps.now()) }];
      const event = isFinal(job.state) ? null : parentProgress(job, deps.now());
      return event ? [{ job, event }] : [];
    });
    await Promise.all([ring(deps, resumed), announce(deps, news)]);
  } catch (error) {
    deps.log("parents_not_told", { jobs: keys.length, error: errorField(error) });
  }
}
