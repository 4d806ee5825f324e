// Makes the children of a job: checks them like any request, and gives them what they have from their parent.

import { childId, MAX_CHILDREN, MAX_DEPTH } from "../core/children";
import { AppError } from "../core/errors";
import { fingerprintOf } from "../core/fingerprint";
import type { Job, JobError } from "../core/job";
import type { BrokenChild, Child } from "../core/outcome";
import type { Deps } from "../deps";
import { sealError } from "../store/sealed-job";
import type { NewJob } from "../store/submit";
import { withCacheKey } from "./cache-key";
import { checkJobs, type JobRequest } from "./check-jobs";
import { placeInputs } from "./place-inputs";

/**
 * The children as they go to the database. One that does not fit its task is stored as failed, so that the others go on.
 * Throws `children_exceeded`.
 */
export async function makeChildren(
  deps: Deps,
  parent: Job,
  children: (Child | BrokenChild)[],
): Promise<NewJob[]> {
  const first = parent.children?.total ?? 0;
  checkBounds(parent, first + children.length);
  const made: NewJob[] = [];
  for (const [i, child] of children.entries()) {
    const id = childId(parent.id, first + i);
    made.push(
      "error" in child ? await broken(deps, parent, id, child) : await checked(deps, parent, id, child),
    );
  }
  await placeInputs(
    deps,
    parent.projectId,
    made.filter((job) => job.error === null),
  );
  return made;
}

function checkBounds(parent: Job, total: number): void {
  if (total > MAX_CHILDREN) {
    const message = `The job would have ${total} children. At most ${MAX_CHILDREN} are allowed: split the work into several jobs.`;
    throw new AppError("children_exceeded", { message });
  }
  if (parent.depth >= MAX_DEPTH) {
    const message = `Children may nest ${MAX_DEPTH} deep, and this job is at the bottom.`;
    throw new AppError("children_exceeded", { message });
  }
}

async function checked(deps: Deps, parent: Job, id: string, child: Child): Promise<NewJob> {
  try {
    const [job] = checkJobs(deps.config.catalogue, [requestOf(parent, child)], { random: deps.random });
    if (!job) throw new AppError("internal");
    return { ...(await withCacheKey(job)), ...familyOf(parent, id, child), error: null, fingerprint: null };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { code, message } = error;
    const told = child.place === undefined ? message : `${child.place}: ${message}`;
    return broken(deps, parent, id, { ...child, error: { code, message: told, retryable: false } });
  }
}

/** What it does not say itself it has from its parent. It is found through that: a channel or tags of its own cost rows. */
function requestOf(parent: Job, child: Child): JobRequest {
  return {
    task: child.task,
    input: child.input,
    metadata: child.metadata,
    tags: parent.tags,
    lane: parent.lane,
    priority: child.priority ?? parent.priority,
    max_attempts: child.maxAttempts,
    timeout_s: child.timeoutS,
    fair_key: parent.fairKey ?? undefined,
    on_budget: parent.onBudget,
    // Nobody waits for the answer of a child but its parent: rather a new one than one past its time.
    cache: child.cache && { ...child.cache, stale_s: 0 },
  };
}

async function broken(
  deps: Deps,
  parent: Job,
  id: string,
  { task, customId, metadata, error }: Pick<Child, "task" | "customId" | "metadata"> & { error: JobError },
): Promise<NewJob> {
  const sealed = await sealError(deps.vault, { projectId: parent.projectId, id }, error);
  return {
    ...NOTHING,
    ...familyOf(parent, id, { customId }),
    task,
    metadata: metadata ? JSON.stringify(metadata) : null,
    tags: parent.tags,
    lane: parent.lane,
    priority: parent.priority,
    error: JSON.stringify(sealed),
    fingerprint: fingerprintOf(task, error),
  };
}

function familyOf(parent: Job, id: string, { customId }: { customId?: string }) {
  return {
    id,
    parent_id: parent.id,
    depth: parent.depth + 1,
    custom_id: customId ?? null,
    key_id: parent.keyId,
    rerun_of: null,
    hash: null,
    input_bytes: 0,
    input_key: null,
  };
}

/** Of a job that never can run. */
const NOTHING = {
  channel: null,
  model: null,
  stream: false,
  max_attempts: 1,
  timeout_ms: 1_000,
  run_at: null,
  delay_ms: null,
  expires_in_ms: null,
  retention_ms: null,
  idempotency_key: null,
  pool: null,
  fair_key: null,
  concurrency_key: null,
  concurrency_limit: null,
  input_chars: 0,
  max_output_tokens: null,
  route: null,
  on_budget: null,
  reserve_tokens: null,
  reserve_nano_usd: null,
  cache: null,
  cache_key: null,
  input: null,
};
