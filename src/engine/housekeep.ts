// What has to be tidied up now and then: jobs and files that were kept long enough, objects without an owner, old keys and lines.
//
// A walk through everything, in small steps: each call does one and says where the next one begins.

import type { Deps } from "../deps";
import { dropBulkKeys, dropLedger, dropOperations, dropUsageDays } from "../store/age-out";
import { dropEntries, findNamed } from "../store/cache";
import { findExisting, findOld, isOld, markErased } from "../store/erasure";
import { findExistingFiles } from "../store/files";
import { deleteObjects, isSharedOutput, listObjects } from "../store/objects";
import { nextProject } from "../store/projects";
import { dropExpiredTokenUses } from "../store/token-uses";
import { eraseExpiredFiles } from "./erase-files";
import { hasObjects, purge } from "./purge";

/** Where the walk is. `dueAt`: when the next step is to be made, in milliseconds since 1970. */
export type Chores = {
  dueAt: number;
  stage: "jobs" | "files" | "objects" | "rest";
  /** The project that was done last, and the job of the next one. */
  project: string;
  after: string;
  cursor?: string;
  objectsDoneAt: number;
};

export const FIRST_CHORES: Chores = { dueAt: 0, stage: "jobs", project: "", after: "", objectsDoneAt: 0 };

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Between two steps of one walk: others want to use the database too. */
const BREATH_MS = 1_000;

/** Jobs of a step. */
const SLICE = 200;

/** An object is written before its job's row is; one that is younger than this may still get a row. */
const ORPHAN_AGE_MS = HOUR_MS;

/** One step. What it throws (D1 or R2 is away) changes nothing: the step is made again. */
export async function housekeep(deps: Deps, chores: Chores): Promise<Chores> {
  switch (chores.stage) {
    case "jobs":
      return eraseOldJobs(deps, chores);
    case "files":
      return eraseOldFiles(deps, chores);
    case "objects":
      return deleteOrphans(deps, chores);
    case "rest":
      await Promise.all([dropExpiredTokenUses(deps.db), dropBulkKeys(deps.db)]);
      await Promise.all([dropOperations(deps.db), dropLedger(deps.db, deps.now())]);
      await Promise.all([dropUsageDays(deps.db, deps.now()), dropEntries(deps.db)]);
      return { ...FIRST_CHORES, objectsDoneAt: chores.objectsDoneAt, dueAt: deps.now() + HOUR_MS };
  }
}

/** Ids are ordered by time, so a project's old jobs are at its beginning: those that are kept are not looked at. */
async function eraseOldJobs(deps: Deps, chores: Chores): Promise<Chores> {
  const project = await nextProject(deps.db, chores.project);
  if (!project) return soon(deps, { ...chores, stage: "files", project: "", after: "" });
  const retentionMs = project.retentionMs ?? deps.config.retentionMs;
  const page = { after: chores.after, createdBefore: deps.now() - retentionMs, limit: SLICE };
  const found = await findOld(deps.db, project.id, page);
  const old = found.filter((job) => isOld(job, retentionMs));
  // A job with objects is marked first: should it be started again meanwhile, it must not find its input gone.
  await purge(
    deps,
    old.filter((job) => !hasObjects(job)),
  );
  await purge(deps, await markErased(deps.db, old.filter(hasObjects)));
  const last = found.at(-1);
  if (last && found.length === SLICE) return soon(deps, { ...chores, after: last.id });
  return soon(deps, { ...chores, project: project.id, after: "" });
}

/** Uploads that were given up too. */
async function eraseOldFiles(deps: Deps, chores: Chores): Promise<Chores> {
  const erased = await eraseExpiredFiles(deps, SLICE);
  return soon(deps, { ...chores, stage: erased === SLICE ? "files" : "objects" });
}

/**
 * Once a day: objects of a crash, which no row has ever named, of runs that wrote after their job was erased, and answers that
 * no entry of the cache and no job has any more.
 */
async function deleteOrphans(deps: Deps, chores: Chores): Promise<Chores> {
  const now = deps.now();
  if (now - chores.objectsDoneAt < DAY_MS) return soon(deps, { ...chores, stage: "rest" });
  const { objects, cursor } = await listObjects(deps.bucket, chores.cursor);
  const old = objects.filter(({ uploaded }) => uploaded < now - ORPHAN_AGE_MS);
  const named = old.flatMap(({ key }) => {
    const owner = ownerOf(key);
    return owner ? [{ key, ...owner }] : [];
  });
  const shared = old.map(({ key }) => key).filter(isSharedOutput);
  const [jobs, files, had] = await Promise.all([
    findExisting(deps.db, named),
    findExistingFiles(deps.db, named),
    findNamed(deps.db, shared),
  ]);
  const existing = jobs.union(files);
  const orphans = [
    ...named.filter(({ projectId, id }) => !existing.has(`${projectId}/${id}`)).map(({ key }) => key),
    ...shared.filter((key) => !had.has(key)),
  ];
  await deleteObjects(deps.bucket, orphans);
  if (orphans.length > 0) deps.log("orphans_deleted", { objects: orphans.length });
  if (cursor !== undefined) return soon(deps, { ...chores, cursor });
  return soon(deps, { ...chores, stage: "rest", cursor: undefined, objectsDoneAt: now });
}

/** The job or file an object belongs to; null for what is not ours. */
function ownerOf(key: string): { projectId: string; id: string } | null {
  const ofJob = /^(?:unsettled\/)?([^/]+)\/(job_[^/]+)\//.exec(key);
  const [, projectId, id] = ofJob ?? /^([^/]+)\/files\/(file_[^/]+)$/.exec(key) ?? [];
  return projectId && id ? { projectId, id } : null;
}

function soon(deps: Deps, chores: Chores): Chores {
  return { ...chores, dueAt: deps.now() + BREATH_MS };
}
