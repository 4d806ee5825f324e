// Checks a batch before it is stored: its task, and the items that came with it.

import { AppError } from "../core/errors";
import type { Deps } from "../deps";
import type { BatchInput } from "../tasks/batch-input";
import { childOf } from "../tasks/batch-items";
import { checkJobs, knownTask } from "./check-jobs";

/** Throws one AppError that names every item which could not be a job. The lines of a file are looked at later, one by one. */
export function checkItems(deps: Deps, batch: BatchInput): void {
  if (knownTask(batch.task).name === "batch") {
    throw new AppError("input_invalid", {
      param: "task",
      message: "task: a batch cannot be made of batches",
    });
  }
  const requests = (batch.items ?? []).map((item, i) => childOf(batch, item, `items[${i}]`));
  checkJobs(
    deps.config.catalogue,
    requests.map(({ task, input }) => ({ task, input })),
    { list: "items", random: deps.random },
  );
}
