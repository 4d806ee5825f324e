// Reads from the database, the hubs and the provider what crashes may do, and finds what they may not.

import type { EventFrame } from "../../src/contract/frames";
import { isEnd, isKept, type MoveEvent } from "../../src/core/events";
import { isFinal, type State } from "../../src/core/lifecycle";
import { readDatabase } from "./crash.mjs";
import type { CrashLoad } from "./crash-load";
import type { Planned } from "./crash-plan";
import type { MortalServer } from "./mortal-server";
import type { ProviderRequest } from "./provider-server.mjs";

export type JobRow = {
  id: string;
  marker: string;
  state: State;
  run: number;
  attempt: number;
  crashes: number;
  version: number;
  tries: number;
  wake_at: number | null;
  lease_until: number | null;
  finished_at: number | null;
  cancel_requested_at: number | null;
};

const JOBS = `SELECT id, metadata->>'marker' AS marker, state, run, attempt, crashes, version,
  json_array_length(COALESCE(attempts, '[]')) AS tries, wake_at, lease_until, finished_at, cancel_requested_at FROM jobs`;

export const readJobs = (server: MortalServer) => readDatabase<JobRow>(server.state.folder, JOBS);

/** How many runs of this job died: one model call more for each, and not for any other reason. */
export function deadRuns(server: MortalServer, id: string): number {
  // One that was not taken over before the next kill has died once.
  const runs = server.kills.flatMap(({ running }) => running.get(id) ?? []);
  return new Set(runs).size;
}

/** What is wrong with the numbers of a row, given how often its run was killed. */
export function problemOfRow(row: JobRow, planned: Planned, dead: number): string | undefined {
  if (!isFinal(row.state) || row.finished_at === null) return `it is ${row.state}`;
  if (row.wake_at !== null || row.lease_until !== null) return "it is final, and somebody will look at it";
  // A dead run that was asked to stop is not taken over: the clock ends it.
  const stopped = row.cancel_requested_at === null ? 0 : 1;
  const takenOver = row.run - row.attempt;
  if (row.crashes !== takenOver) return `${row.crashes} crashes, but ${takenOver} takeovers`;
  if (takenOver > dead || takenOver < dead - stopped)
    return `${dead} runs died, ${takenOver} were taken over`;
  // submit, each claim, each end of a run: one move each. A cancel adds one, or one more when it asks first.
  const moves = 1 + row.run + row.tries;
  const most = moves + 2 * stopped;
  if (row.version < moves || row.version > most)
    return `version ${row.version} after ${moves} to ${most} moves`;
  return row.attempt > planned.attempts ? `${row.attempt} attempts` : undefined;
}

/** Calls of each job. */
export function countCalls(requests: ProviderRequest[]): Map<string, number> {
  const calls = new Map<string, number>();
  for (const { job } of requests) calls.set(job, (calls.get(job) ?? 0) + 1);
  return calls;
}

/** What contradicts that each of these jobs ended once, as its row says, and did nothing afterwards. */
export function findContradictions(events: MoveEvent[], rows: Map<string, JobRow>): string[] {
  return events.flatMap((event) => {
    const row = rows.get(event.job_id);
    const told = `${event.type} ${event.version} of ${event.job_id}`;
    if (!row) return [`${told}: no such job`];
    if (event.version > row.version) return [`${told}: the job is at ${row.version}`];
    // A job that has not ended has failed another test already.
    if (!isFinal(row.state)) return [];
    if (isEnd(event) !== (event.version === row.version)) return [`${told}: it ended at ${row.version}`];
    return isEnd(event) && event.state !== row.state ? [`${told}: it is ${row.state}`] : [];
  });
}

/** What a listener was not told although its hub keeps it, or was told twice. */
export function findLapses(heard: EventFrame[], kept: MoveEvent[]): string[] {
  const name = (event: { type: string; job_id: string; version: number }) =>
    `${event.type} ${event.version} of ${event.job_id}`;
  const names = new Set(heard.map(name));
  const missed = kept.map(name).filter((one) => !names.has(one));
  // Live events bear the cursor of the kept one before them.
  const cursors = heard.filter(isKept).map(({ cursor }) => cursor);
  const twice = cursors.filter((cursor, i) => cursors.indexOf(cursor) < i);
  return [...missed.map((one) => `missed: ${one}`), ...twice.map((cursor) => `twice: ${cursor}`)];
}

/** Requests whose client gave up: all of its jobs are there, or none. */
export function findHalves(load: CrashLoad, markers: Set<string>): string[] {
  return load.unknown.flatMap(({ key, jobs }) => {
    const stored = jobs.filter(({ marker }) => markers.has(marker)).length;
    return stored === 0 || stored === jobs.length ? [] : [`${key}: ${stored} of ${jobs.length}`];
  });
}
