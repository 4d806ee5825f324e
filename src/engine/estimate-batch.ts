// What a batch will take before it is started: tokens, money and time.

import { AppError } from "../core/errors";
import { lower } from "../core/gate/ticket";
import type { Child } from "../core/outcome";
import { costUsd } from "../core/usage";
import type { Deps } from "../deps";
import type { Model } from "../llm/models";
import { usualOutputTokens } from "../store/usage-history";
import type { BatchInput } from "../tasks/batch-input";
import { childOf, readItems } from "../tasks/batch-items";
import { START_OF_FILE } from "../tasks/read-slice";
import { checkJobs, knownTask } from "./check-jobs";
import { findReadyFile, readFiles } from "./job-files";

export type Estimate = {
  items: number;
  broken: number;
  sampled: boolean;
  inputTokens: number;
  outputTokens: number;
  costUsd: number | null;
  durationS: number | null;
  basis: "history" | "max_output_tokens" | "assumption";
};

/** Most text has about so many characters a token. */
const CHARS_PER_TOKEN = 4;

/** Of an item that sets no limit, for a task and model that nobody has used yet. */
const ASSUMED_OUTPUT_TOKENS = 400;

/** Throws what the batch itself would: `unknown_task`, `file_missing`. */
export async function estimateBatch(deps: Deps, projectId: string, batch: BatchInput): Promise<Estimate> {
  const task = knownTask(batch.task);
  const { children, scale } = await itemsOf(deps, projectId, batch);
  const checked = children.map((child) => ("error" in child ? null : check(deps, child)));
  const good = checked.filter((item) => item !== null);
  const names = [...new Set(good.flatMap(({ model }) => model ?? []))];
  const usual = await usualOutputTokens(deps.db, projectId, batch.task, names);
  let basis: Estimate["basis"] = "history";
  const sums = new Map<string, Sums>();
  for (const { model: name, input_chars, max_output_tokens } of good) {
    const model = task.kind === null || name === null ? null : deps.config.catalogue.find(name, task.kind);
    if (!model) continue;
    const known = usual.get(model.model);
    if (known === undefined && task.kind === "chat")
      basis = max_output_tokens === null ? "assumption" : "max_output_tokens";
    const output = task.kind === "embedding" ? 0 : (known ?? max_output_tokens ?? ASSUMED_OUTPUT_TOKENS);
    add(sums, model, Math.ceil(input_chars / CHARS_PER_TOKEN), Math.min(output, max_output_tokens ?? output));
  }
  return { ...total([...sums.values()], scale), ...counts(checked, scale), sampled: scale > 1, basis };
}

/** The items, or those of the beginning of a file; `scale`: how many times as many there are in all. */
async function itemsOf(deps: Deps, projectId: string, batch: BatchInput) {
  const { file_id, items = [] } = batch;
  if (file_id === undefined)
    return { children: items.map((item, i) => childOf(batch, item, `items[${i}]`)), scale: 1 };
  const file = await findReadyFile(deps, projectId, file_id);
  const { children, next } = await readItems(
    readFiles(deps, projectId),
    { ...batch, file_id },
    START_OF_FILE,
  );
  return { children, scale: next === null ? 1 : (file.sizeBytes ?? next.offset) / next.offset };
}

/** Null: it cannot be a job. */
function check(deps: Deps, { task, input }: Child) {
  try {
    const [job] = checkJobs(deps.config.catalogue, [{ task, input }], { random: deps.random });
    return job ?? null;
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}

type Sums = { model: Model; items: number; input: number; output: number };

function add(sums: Map<string, Sums>, model: Model, input: number, output: number): void {
  const sum = sums.get(model.model) ?? { model, items: 0, input: 0, output: 0 };
  sums.set(model.model, {
    model,
    items: sum.items + 1,
    input: sum.input + input,
    output: sum.output + output,
  });
}

function counts(items: unknown[], scale: number) {
  return {
    items: Math.round(items.length * scale),
    broken: Math.round(items.filter((item) => item === null).length * scale),
  };
}

function total(sums: Sums[], scale: number) {
  const scaled = sums.map((sum) => ({
    ...sum,
    ...{
      items: sum.items * scale,
      input: Math.round(sum.input * scale),
      output: Math.round(sum.output * scale),
    },
  }));
  const costs = scaled.map(({ model, input, output }) =>
    costUsd({ input_tokens: input, output_tokens: output, cached_tokens: 0 }, model.price),
  );
  return {
    inputTokens: scaled.reduce((sum, { input }) => sum + input, 0),
    outputTokens: scaled.reduce((sum, { output }) => sum + output, 0),
    costUsd: costs.some((cost) => cost === null)
      ? null
      : costs.reduce<number>((sum, cost) => sum + (cost ?? 0), 0),
    durationS: scaled.reduce<number | null>((longest, one) => longer(longest, durationOf(one)), null),
  };
}

/** As long as its pool's limits make it take, all of them to itself. Pools work side by side. */
function durationOf({ model, items, input, output }: Sums): number | null {
  const { rpm, tpm, rpd, tpd } = model.limits;
  const perMinute = (amount: number, limit: number | null) => (limit === null ? null : (amount / limit) * 60);
  const perDay = (amount: number, limit: number | null) =>
    limit === null ? null : (amount / limit) * 86_400;
  const tokens = input + output;
  const times = [perMinute(items, rpm), perMinute(tokens, tpm), perDay(items, rpd), perDay(tokens, tpd)];
  return times.reduce(longer, null);
}

function longer(a: number | null, b: number | null): number | null {
  const shorter = lower(a === null ? null : -a, b === null ? null : -b);
  return shorter === null ? null : Math.round(-shorter);
}
