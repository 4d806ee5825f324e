// What the children of a job have done, one after the other, with their outputs.

import { childId, childIndex } from "../core/children";
import type { Job, WholeJob } from "../core/job";
import type { Deps } from "../deps";
import { endedChildren } from "../store/children";
import { loadOutput } from "../store/outputs";
import { openJob } from "../store/sealed-job";
import type { Children, EndedChild } from "../tasks/define";

/** Rows of a page: with outputs of 8 KB each, which is the most a row holds, some 2 MB. */
const PAGE = 250;

/** Outputs that are fetched from R2 side by side. The platform lets six connections wait. */
const AT_A_TIME = 4;

const ENDED: EndedChild["state"][] = ["completed", "failed", "cancelled"];

export function readChildren(deps: Deps, parent: Job): Children {
  const { total, completed, failed, cancelled } = parent.children ?? NONE;
  return {
    total,
    completed,
    failed,
    cancelled,
    ended: (states = ENDED, from = 0) => ended(deps, parent, states, from),
  };
}

const NONE = { total: 0, completed: 0, failed: 0, cancelled: 0 };

async function* ended(
  deps: Deps,
  parent: Job,
  states: EndedChild["state"][],
  first: number,
): AsyncGenerator<EndedChild, void, undefined> {
  let from = first;
  for (;;) {
    const page = await endedChildren(deps.db, parent, {
      from: childId(parent.id, from),
      states,
      limit: PAGE,
    });
    for (let i = 0; i < page.length; i += AT_A_TIME) {
      yield* await Promise.all(page.slice(i, i + AT_A_TIME).map((child) => toEnded(deps, child)));
    }
    const last = page.at(-1);
    if (!last || page.length < PAGE) return;
    from = childIndex(last.id) + 1;
  }
}

async function toEnded(deps: Deps, row: WholeJob): Promise<EndedChild> {
  const child = await openJob(deps.vault, row);
  return {
    id: child.id,
    index: childIndex(child.id),
    customId: child.customId,
    task: child.task,
    metadata: child.metadata,
    state: child.state as EndedChild["state"],
    output: await loadOutput(deps, child),
    error: child.error,
    usage: child.usage,
  };
}
