// Where a job is on its route: the model it runs on, and the gate whose turn it waits for there.

import type { Job } from "../core/job";
import { parseRoute, presentTarget, type Route, routesAhead } from "../core/route";
import type { Catalogue } from "../llm/models";
import type { Place } from "../store/run-ends";
import { findTask } from "../tasks/index";
import { poolOf } from "./pool-of";

/** Of the route's present target, for the columns of the job. */
export function placeOf(catalogue: Catalogue, job: Pick<Job, "task" | "model">, route: Route): Place {
  const target = presentTarget(route);
  const model = target?.model ?? job.model;
  const task = findTask(job.task);
  // Null when it is no longer in PROVIDERS: its run will say so.
  const found = model && task?.kind ? catalogue.find(model, task.kind) : null;
  const pool = task ? poolOf(task, found, target?.key ?? null) : null;
  return { model, pool, route: JSON.stringify(route) };
}

/** After a turn that has gone well: failures before it are no longer in a row with those behind it. */
export function withoutBlame({
  model,
  pool,
  route: json,
}: Pick<Job, "model" | "pool" | "route">): Place | null {
  const route = parseRoute(json);
  if (!route || route.failures === 0) return null;
  return { model, pool, route: JSON.stringify({ ...route, failures: 0 }) };
}

/** The next place of a job whose pool is down; null: it has no other, or has come to the last one and waits there. */
export function detour(
  catalogue: Catalogue,
  job: Pick<Job, "task" | "model" | "pool" | "route">,
): Place | null {
  const route = parseRoute(job.route);
  // The gate of a task is the same wherever the job runs.
  if (!route || job.pool?.startsWith("task:")) return null;
  const places = routesAhead(route).map((ahead) => placeOf(catalogue, job, ahead));
  return places.find(({ pool }) => pool !== job.pool) ?? null;
}
