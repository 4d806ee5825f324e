// Pauses a project, a task or a pool, and resumes it: what runs goes on, nothing new starts until then.

import { AppError } from "../core/errors";
import { ALL_PROJECTS } from "../core/operation";
import { covers, type Pause } from "../core/pause";
import type { Deps } from "../deps";
import type { Catalogue } from "../llm/models";
import { errorField } from "../log";
import { countRunning, createPause, dropPause } from "../store/pauses";
import { askTwice } from "./answer";
import { armClock } from "./arm-clock";
import { knownTask } from "./check-jobs";
import { begin } from "./operate";
import { isPool, nameEveryPool } from "./pool-of";

/** `projectId`: null for the whole deployment, which is the only way to pause a pool. Without task and pool: the project. */
export type PauseRequest = { projectId: string | null; task?: string; pool?: string };

/** `created`: false when it was paused already. Throws `unknown_task` and `unknown_pool`, which name those that there are. */
export async function pause(deps: Deps, request: PauseRequest): Promise<{ pause: Pause; created: boolean }> {
  const id = deps.newId("pau");
  const wanted = { id, projectId: request.projectId, ...placeOf(deps, request) };
  const made = await askTwice(() => createPause(deps.db, wanted));
  if (!made) throw new AppError("not_found", { message: "The project was deleted." });
  return { pause: made, created: made.id === id };
}

function placeOf(deps: Deps, { task, pool }: PauseRequest): Pick<Pause, "scope" | "name"> {
  if (task !== undefined) return { scope: "task", name: knownTask(task).name };
  if (pool === undefined) return { scope: "project", name: "" };
  checkPool(deps.config.catalogue, pool);
  return { scope: "pool", name: pool };
}

/** Ends the pause, and rings for what has waited: as an operation, because that may be many. Repeatable. */
export async function resume(deps: Deps, pause: Pause, askedBy: string): Promise<void> {
  await armClock(deps);
  const { projectId, scope, name } = pause;
  const filter = { state: "pending" as const, ...(scope === "project" ? {} : { [scope]: name }) };
  const target = projectId ?? ALL_PROJECTS;
  const next = {
    projectId: askedBy,
    id: deps.newId("op"),
    action: "ring" as const,
    target,
    filter,
    rate: null,
  };
  const operation = await askTwice(() => dropPause(deps.db, pause, next));
  deps.background(begin(deps, operation).catch((error) => putOff(deps, error)));
}

/** The clock goes on with the operation. */
function putOff(deps: Deps, error: unknown): void {
  deps.log("ring_put_off", { error: errorField(error) });
}

/** How many jobs of the project (null: of all) each of the pauses covers that still run. Null: too many jobs to count. */
export async function countCovered(
  deps: Deps,
  pauses: Pause[],
  projectId: string | null,
): Promise<(number | null)[]> {
  if (pauses.length === 0) return [];
  const running = await countRunning(deps.db, projectId, deps.config.timing);
  if (running === null) return pauses.map(() => null);
  return pauses.map((pause) =>
    running.filter((jobs) => covers(pause, jobs)).reduce((sum, { count }) => sum + count, 0),
  );
}

const POOLS_SHOWN = 20;

function checkPool(catalogue: Catalogue, name: string): void {
  if (isPool(catalogue, name)) return;
  const known = nameEveryPool(catalogue);
  const more = known.length > POOLS_SHOWN ? `, and ${known.length - POOLS_SHOWN} more` : "";
  const message = `No pool "${name}". There are: ${known.slice(0, POOLS_SHOWN).join(", ")}${more}.`;
  throw new AppError("unknown_pool", { param: "pool", message });
}
