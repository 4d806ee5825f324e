// Jobs with children: a task that makes them, one for the children, and all that is rung run to its end.

import { afterEach, beforeEach } from "vitest";
import { z } from "zod";
import { CHILD_FAILURES } from "../../src/core/children";
import { AppError } from "../../src/core/errors";
import type { WholeJob } from "../../src/core/job";
import { type Child, done, wait } from "../../src/core/outcome";
import { answerDoorbells } from "../../src/engine/answer";
import { runBatch } from "../../src/engine/run-batch";
import { sweep } from "../../src/engine/sweep";
import { defineTask, type Task } from "../../src/tasks/define";
import { tasks } from "../../src/tasks/index";
import type { TestDeps } from "./deps";
import { storedJob, theJob } from "./rows";

const leafInput = z.strictObject({ say: z.string(), fails: z.boolean().optional() });
type Leaf = z.infer<typeof leafInput>;

/** How often each leaf was run, by what it says. */
export const leavesRun = new Map<string, number>();

/** Leaves that fail, though their input does not say so. */
export const spoiledLeaves = new Set<string>();

const leaf = defineTask<Leaf, { said: string }>({
  name: "leaf",
  description: "Says something, or fails.",
  kind: null,
  input: leafInput,
  output: z.strictObject({ said: z.string() }),
  defaults: { max_attempts: 1, timeout_s: 60 },
  async run({ say, fails }) {
    leavesRun.set(say, (leavesRun.get(say) ?? 0) + 1);
    if (fails || spoiledLeaves.has(say))
      throw new AppError("content_refused", { message: `${say} is refused` });
    return done({ said: say });
  },
});

const familyInput = z.strictObject({
  children: z.array(z.looseObject({})),
  on_child_failure: z.enum(CHILD_FAILURES).optional(),
  /** Of the tasks of the children. */
  task: z.string().optional(),
  /** Of the children. */
  cache: z.strictObject({}).optional(),
});
export type Family = z.input<typeof familyInput>;

const familyOutput = z.strictObject({ said: z.array(z.string().nullable()), open: z.int() });

/** Waits for all its children, and gives what they have said. */
const family = defineTask<z.infer<typeof familyInput>, z.infer<typeof familyOutput>>({
  name: "family",
  description: "Waits for its children.",
  kind: null,
  input: familyInput,
  output: familyOutput,
  defaults: { max_attempts: 1, timeout_s: 60 },
  async run({ children, on_child_failure, task = "leaf", cache }, ctx) {
    if (ctx.state === null) {
      const made = children.map(
        (input, i): Child => ({
          task,
          input,
          customId: `c${i}`,
          metadata: { number: i },
          cache,
          place: `line ${i + 1}`,
        }),
      );
      return wait(made, { state: { made: true }, onChildFailure: on_child_failure });
    }
    const said: (string | null)[] = [];
    for await (const child of ctx.children.ended()) said.push(child.output && JSON.parse(child.output).said);
    const { total, completed, failed, cancelled } = ctx.children;
    return done({ said, open: total - completed - failed - cancelled });
  },
});

/** For the tests of a file. */
export function withFamilies(): void {
  beforeEach(() => {
    (tasks as Task[]).push(family as Task, leaf as Task);
    leavesRun.clear();
    spoiledLeaves.clear();
  });
  afterEach(() => void (tasks as Task[]).splice(-2));
}

export function storedFamily(input: Family): Promise<WholeJob> {
  return storedJob({ task: "family", model: null, input: JSON.stringify(input) });
}

export const leaves = (...words: string[]): Leaf[] => words.map((say) => ({ say }));

/** Runs the job, and all that is rung for, until nothing is. Returns the job as it stands then. */
export async function runFamily(deps: TestDeps, job: { projectId: string; id: string }): Promise<WholeJob> {
  deps.rung.push({ p: job.projectId, id: job.id });
  await runRung(deps);
  return theJob(job.id, job.projectId);
}

/** In batches, as the queue delivers them; what the clock is to do too. */
export async function runRung(deps: TestDeps): Promise<void> {
  for (;;) {
    const bells = deps.rung.splice(0, 10);
    if (bells.length > 0) await runBatch(deps, await answerDoorbells(deps, bells));
    await deps.backgroundDone();
    if (bells.length > 0 || deps.armed.splice(0).length === 0) {
      if (bells.length > 0) continue;
      return;
    }
    await sweep(deps, true);
    await deps.backgroundDone();
  }
}
