// Which gate a job waits at: that of its task if the task is limited itself, else that of its model and key.

import type { PoolLimits } from "../core/gate/ticket";
import type { Catalogue, Model } from "../llm/models";
import type { Task } from "../tasks/define";
import { tasks } from "../tasks/index";

/**
 * The name of the pool; null: nothing limits it, so that it asks no gate. `task:name`, `provider/model` by the provider's
 * first key, `provider/model#KEY` by another: each key has limits of its own. `key`: null when the provider has not several.
 */
export function poolOf(
  task: Pick<Task, "name" | "pool">,
  model: Model | null,
  key: string | null = null,
): string | null {
  if (task.pool) return `task:${task.name}`;
  if (!model) return null;
  const isLimited = model.adaptive || Object.values(model.limits).some((limit) => limit !== null);
  if (!isLimited) return null;
  return key === null || key === model.keys[0] ? model.pool : `${model.pool}#${key}`;
}

const NO_LIMITS: PoolLimits = { rpm: null, tpm: null, rpd: null, tpd: null, concurrency: null };

/** What the settings say of a pool; no limits for one that they do not name any more. */
export function limitsOf(catalogue: Catalogue, pool: string): { limits: PoolLimits; adaptive: boolean } {
  const task = tasks.find(({ name }) => pool === `task:${name}`);
  if (task) return { limits: { ...NO_LIMITS, ...task.pool }, adaptive: false };
  const model = catalogue.list().find((one) => poolsOf(one).includes(pool));
  return { limits: model?.limits ?? NO_LIMITS, adaptive: model?.adaptive ?? false };
}

/** Every pool that is limited, and so has a gate. */
export function listPools(catalogue: Catalogue): string[] {
  const own = tasks.map((task) => poolOf(task, null)).filter((pool) => pool !== null);
  return [...new Set([...catalogue.list().flatMap(poolsOf), ...own])];
}

/** Those, and what every other model is in: its jobs wait at no gate, and can be paused all the same. */
export function nameEveryPool(catalogue: Catalogue): string[] {
  return [...new Set([...catalogue.list().map(({ pool }) => pool), ...listPools(catalogue)])];
}

/** Also of a model whose provider lists none: it is taken at the word, as at submit. */
export function isPool(catalogue: Catalogue, name: string): boolean {
  return nameEveryPool(catalogue).includes(name) || catalogue.find(name, "chat")?.pool === name;
}

/** One for each key. */
function poolsOf(model: Model): string[] {
  const keys = model.keys.length > 0 ? model.keys : [null];
  return keys.map((key) => poolOf({ name: "" }, model, key)).filter((pool) => pool !== null);
}
