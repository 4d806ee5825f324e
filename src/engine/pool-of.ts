// Which gate a job waits at: that of its task if the task is limited itself, else that of its model.

import type { Model } from "../llm/models";
import type { Task } from "../tasks/define";

/** The name of the pool (`task:name` or `provider/model`); null: nothing limits it, so that it asks no gate. */
export function poolOf(task: Pick<Task, "name" | "pool">, model: Model | null): string | null {
  if (task.pool) return `task:${task.name}`;
  if (!model) return null;
  const isLimited = model.adaptive || Object.values(model.limits).some((limit) => limit !== null);
  return isLimited ? model.pool : null;
}
