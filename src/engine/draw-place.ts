// Draws where a new job runs first, and where else it may go.

import { drawTargets, routeOver } from "../core/route";
import type { Candidate } from "../llm/models";
import type { NewJob } from "../store/submit";
import type { Task } from "../tasks/define";
import { poolOf } from "./pool-of";

/** `candidates`: the models that the job may run on; none for a task that calls none. */
export function drawPlace(
  task: Task,
  candidates: Candidate[],
  random: () => number,
): Pick<NewJob, "model" | "pool" | "route"> {
  const choices = candidates.map(({ model, weight }) => ({ model: model.model, keys: model.keys, weight }));
  const targets = drawTargets(choices, random);
  const route = routeOver(targets);
  const [target] = targets;
  const model = candidates.find((candidate) => candidate.model.model === target?.model)?.model ?? null;
  return {
    model: model?.model ?? null,
    pool: poolOf(task, model, target?.key ?? null),
    route: route && JSON.stringify(route),
  };
}
