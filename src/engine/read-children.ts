// What a task sees of its job's children.

import { childId, childIndex } from "../core/children";
import type { WholeJob } from "../core/job";
import type { Deps } from "../deps";
import { endedChildren } from "../store/children";
import { loadText } from "../store/objects";
import { openJob } from "../store/sealed-job";
import type { Children, EndedChild } from "../tasks/define";

/** Rows of a page: with outputs of 8 KB each, which is the most a row holds, some 2 MB. */
const PAGE = 250;

export function readChildren(deps: Deps, parent: WholeJob): Children {
  const { total, completed, failed, cancelled } = parent.children ?? NONE;
  return { total, completed, failed, cancelled, ended: (from = 0) => ended(deps, parent, from) };
}

const NONE = { total: 0, completed: 0, failed: 0, cancelled: 0 };

async function* ended(deps: Deps, parent: WholeJob, first: number): AsyncGenerator<EndedChild> {
  let from = first;
  for (;;) {
    const page = await endedChildren(deps.db, parent, { from: childId(parent.id, from), limit: PAGE });
    for (const child of page) yield await toEnded(deps, child);
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
    output: await outputOf(deps, child),
    error: child.error,
    usage: child.usage,
  };
}

async function outputOf(deps: Deps, child: WholeJob): Promise<string | null> {
  if (child.output !== null) return deps.vault.openText(child, child.output);
  return child.outputKey === null ? null : loadText(deps, child, child.outputKey);
}
