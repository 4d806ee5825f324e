// The input of a job as JSON text, wherever it is kept and however it is sealed.

import type { WholeJob } from "../core/job";
import type { Deps } from "../deps";
import { loadText } from "../store/objects";

export async function loadInput(deps: Deps, job: WholeJob): Promise<string> {
  if (job.inputKey !== null) return loadText(deps, job, job.inputKey);
  return deps.vault.openText(job, job.input ?? "null");
}
