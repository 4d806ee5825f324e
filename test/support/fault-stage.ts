// A stage for a scenario: a world, and what was promised to those who live in it.

import { AppError } from "../../src/core/errors";
import type { State } from "../../src/core/lifecycle";
import type { JobRequest } from "../../src/engine/check-jobs";
import { enqueue, type Submission } from "../../src/engine/enqueue";
import { PROJECT } from "./factory";
import { type Act, type End, type ModelCall, World } from "./world";

/** What is known of the jobs that a submit was to make. */
export type Promised = {
  ids: string[];
  /** `unknown`: the process died, or the answer said that it does not know. */
  how: "accepted" | "refused" | "unknown";
  /** How they may end; `gone`: without a row. */
  ends: (State | "gone")[];
  /** Calls to a model that each of them takes, and attempts, when all goes well. */
  calls: number;
  attempts: number;
  /** End events of each: a job that was run again has more than one. */
  endings: number;
  /** What its output must hold. */
  text: string;
};

export type Scenario = {
  name: string;
  reply(
    call: ModelCall,
    nth: number,
    init: RequestInit | undefined,
    stage: Stage,
  ): Response | Promise<Response>;
  /** Before anything is counted. */
  prepare?(stage: Stage): Promise<void>;
  begin(stage: Stage): Promise<void>;
};

/** A world, and what was promised to those who live in it. */
export type Stage = { world: World; promised: Promised[] };

export function stageFor(scenario: Scenario, skew?: () => number): Stage {
  const promised: Promised[] = [];
  const world: World = new World(
    (call, nth, init) => scenario.reply(call, nth, init, { world, promised }),
    skew,
  );
  return { world, promised };
}

type Wanted = Partial<Omit<Promised, "ids" | "how">>;

/** Submits, and writes down what the client was told. */
export async function submit(
  { world, promised }: Stage,
  jobs: JobRequest[],
  wanted: Wanted = {},
  more: Partial<Submission> = {},
) {
  const made: string[] = [];
  const act: Act<string[]> = async (deps) => {
    const newId = deps.newId;
    deps.newId = (prefix) => {
      const id = newId(prefix);
      if (prefix === "job") made.push(id);
      return id;
    };
    const submitted = await enqueue(deps, { projectId: PROJECT, jobs, ...more });
    return submitted.map(({ job }) => job.id);
  };
  const end = await world.run("api", act);
  const told = {
    ends: ["completed" as const],
    calls: 1,
    attempts: 1,
    endings: 1,
    text: "Hello there",
    ...wanted,
  };
  const ids = end.answer?.ok ? end.answer.value : made;
  promised.push({ ids, how: howTold(end), ...told });
  return end;
}

/** What the answer said, if there was one. */
export function howTold(end: End<unknown>): Promised["how"] {
  if (end.answer?.ok) return "accepted";
  const error = end.answer?.error;
  if (!error) return "unknown";
  return error instanceof AppError && error.jobIds ? "unknown" : "refused";
}
