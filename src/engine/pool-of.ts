// Which gate a job waits at: that of its task if the task is limited itself, else that of its model.

import type { PoolLimits } from "../core/gate/ticket";
import type { Catalogue, Model } from "../llm/models";
import type { Task } from "../tasks/define";
import { tasks } from "../tasks/index";

/** The name of the pool (`task:name` or `provider/model`); null: nothing limits it, so that it asks no gate. */
export function poolOf(task: Pick<Task, "name" | "pool">, model: Model | null): string | null {
  if (task.pool) return `task:${task.name}`;
  if (!model) return null;
  const isLimited = model.adaptive || Object.values(model.limits).some((limit) => limit !== null);
  return isLimited ? model.pool : null;
}

const NO_LIMITS: PoolLimits = { rpm: null, tpm: null, rpd: null, tpd: null, concurrency: null };

/** What the settings say of a pool; no limits for one that they do not name any more. */
export function limitsOf(catalogue: Catalogue, pool: string): { limits: PoolLimits; adaptive: boolean } {
  const task = tasks.find(({ name }) => pool === `task:${name}`);
  if (task) return { limits: { ...NO_LIMITS, ...task.pool }, adaptive: false };
  const model = catalogue.list().find((one) => one.pool === pool);
  return { limits: model?.limits ?? NO_LIMITS, adaptive: model?.adaptive ?? false };
}

/** Every pool of the settings. */
export function listPools(catalogue: Catalogue): string[] {
  const models = catalogue.list().map((model) => poolOf({ name: "" }, model));
  const own = tasks.map((task) => poolOf(task, null));
  return [...new Set([...models, ...own].filter((pool) => pool !== null))];
}
