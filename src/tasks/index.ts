// The list of tasks. A new one is a file beside this one, and a line here.

import { batch } from "./batch";
import { bulkGenerate } from "./bulk-generate";
import { classify } from "./classify";
import type { Task } from "./define";
import { embed } from "./embed";
import { extract } from "./extract";
import { generate } from "./generate";
import { moderate } from "./moderate";
import { summarize } from "./summarize";
import { translate } from "./translate";

export const tasks: readonly Task[] = [
  generate,
  extract,
  classify,
  moderate,
  embed,
  summarize,
  translate,
  batch,
  bulkGenerate,
];

/** What the routes of batches serve. */
export const batchTasks: readonly string[] = [batch.name, bulkGenerate.name];

export function findTask(name: string): Task | undefined {
  return tasks.find((task) => task.name === name);
}
