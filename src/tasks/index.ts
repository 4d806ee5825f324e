// The list of tasks. A new one is a file beside this one, and a line here.

import { batch } from "./batch";
import type { Task } from "./define";
import { embed } from "./embed";
import { generate } from "./generate";
import { summarize } from "./summarize";
import { translate } from "./translate";

export const tasks: readonly Task[] = [generate, embed, summarize, translate, batch];

export function findTask(name: string): Task | undefined {
  return tasks.find((task) => task.name === name);
}
