// The list of tasks. A new one is a file beside this one, and a line here.

import { batch } from "./batch";
import type { Task } from "./define";
import { embed } from "./embed";
import { generate } from "./generate";

export const tasks: readonly Task[] = [generate, embed, batch];

export function findTask(name: string): Task | undefined {
  return tasks.find((task) => task.name === name);
}
