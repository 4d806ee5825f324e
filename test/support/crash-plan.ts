// Jobs for the crash test: of every kind, each with what must come of it.

import type { JobOnWire } from "../../src/contract/job";
import type { Random } from "./random";
import type { Body, Output } from "./service";

export const CHANNELS = ["crash-a", "crash-b", "crash-c"] as const;

/** `attempts`: tries it needs when nothing crashes, which is one model call each. */
export type Planned = {
  marker: string;
  kind: Kind;
  body: Body;
  state: "completed" | "failed";
  attempts: number;
  cancel: boolean;
  /** What is wrong with the output of a completed job. */
  problem(output: unknown): string | undefined;
};

type Shape = { input: Body; state?: "failed"; attempts?: number; stream?: boolean; delay_s?: number };

/** One request: a single job, or a bulk. */
export type PlannedRequest = { key: string; path: string; body: Body; jobs: Planned[] };

const WEIGHTS = {
  plain: 25,
  gated: 12,
  streamed: 10,
  structured: 10,
  embedded: 12,
  largeInput: 8,
  largeOutput: 5,
  delayed: 8,
  retried: 8,
  failing: 3,
  slow: 4,
  cancelled: 8,
};
export type Kind = keyof typeof WEIGHTS;

/** The one model with limits: see mortal-server.ts. */
export const GATED = "limited/echo@100";

const BULK_SHARE = 0.03;
const LARGE = 9_000;

export class CrashPlan {
  readonly jobs: Planned[] = [];
  private requests = 0;

  constructor(private readonly random: Random) {}

  next(): PlannedRequest {
    const key = `request-${++this.requests}`;
    if (!this.random.chance(BULK_SHARE)) {
      const job = this.job();
      return { key, path: "/v1/jobs", body: job.body, jobs: [job] };
    }
    const lane = this.random.pick(["bulk", "default"]);
    const jobs = Array.from({ length: this.random.between(5, 15) }, () => this.job({ lane }));
    return { key, path: "/v1/jobs/bulk", body: { jobs: jobs.map(({ body }) => body) }, jobs };
  }

  private job(fields: Body = {}): Planned {
    const kind = this.random.pickWeighted(WEIGHTS);
    const marker = `m${this.jobs.length}`;
    const channel = this.random.pick([...CHANNELS, undefined]);
    const metadata = { marker };
    const prompt = `${marker} ${"word ".repeat(this.random.between(1, 20))}`;
    const { input, state = "completed", attempts = 1, ...more } = this.shape(kind, prompt);
    const task = kind === "embedded" ? "embed" : "generate";
    const body = { task, input, metadata, ...(channel && { channel }), ...fields, ...more };
    const problem = problemFinder(kind, marker, JSON.stringify(input));
    const planned: Planned = { marker, kind, body, state, attempts, cancel: kind === "cancelled", problem };
    this.jobs.push(planned);
    return planned;
  }

  private shape(kind: Kind, prompt: string): Shape {
    const { random } = this;
    const echo = `local/echo@${random.between(0, 400)}`;
    const large = `${prompt}${"x".repeat(LARGE + random.between(0, 9_000))}`;
    switch (kind) {
      case "plain":
        return { input: { prompt, model: echo } };
      case "gated":
        return { input: { prompt, model: GATED } };
      case "streamed":
        return { input: { prompt, model: echo }, stream: true };
      case "structured": {
        const schema = { type: "object", required: ["word", "length"] };
        const response_format = { type: "json_schema", json_schema: { name: "echo", schema } };
        return { input: { prompt, model: echo, response_format } };
      }
      case "embedded":
        return { input: { input: [prompt, "another text"], model: echo } };
      case "largeInput":
        return { input: { prompt: large, model: echo } };
      case "largeOutput":
        return { input: { prompt, model: echo.replace("echo", "long") } };
      case "delayed":
        return { input: { prompt, model: echo }, delay_s: random.between(1, 4) };
      case "retried":
        return {
          input: { prompt, model: `local/${random.pick(["500!1", "later!1"])}!echo@50` },
          attempts: 2,
        };
      case "failing":
        return { input: { prompt, model: "local/400" }, state: "failed" };
      case "slow":
        return { input: { prompt, model: `local/echo@${random.between(1_000, 4_000)}` } };
      case "cancelled":
        return { input: { prompt, model: "local/echo@4000" }, delay_s: random.between(0, 1) * 3 };
    }
  }
}

/** Every answer tells the first word of its prompt and the prompt's length: nobody else's will do. */
function problemFinder(kind: Kind, marker: string, inputJson: string): Planned["problem"] {
  const input = JSON.parse(inputJson) as { prompt?: string; input?: string[] };
  const prompt = input.prompt ?? "";
  const expected = (output: Output & { json?: unknown }): [unknown, unknown] => {
    if (kind === "embedded") return [output.embeddings?.[0], [input.input?.[0]?.length, "m".codePointAt(0)]];
    if (kind === "structured") return [output.json, { word: marker, length: prompt.length }];
    const more = kind === "largeOutput" ? "-".repeat(20_000) : "";
    return [output.text, `${marker} ${prompt.length} ${more}`];
  };
  return (output) => {
    if (output === null || output === undefined) return "it has no output";
    const [is, shouldBe] = expected(output as Output).map((value) => JSON.stringify(value));
    return is === shouldBe ? undefined : `its output is ${is?.slice(0, 200)}`;
  };
}

/** What is wrong with how a job stands at the end. `stopped`: what the answer to a cancel said, if one was seen. */
export function problemOf(
  planned: Planned,
  job: JobOnWire,
  stopped: JobOnWire | undefined,
): string | undefined {
  const allowed = planned.cancel ? ["completed", "cancelled"] : [planned.state];
  if (!allowed.includes(job.state)) return `it is ${job.state} (${job.error?.code})`;
  if (stopped?.finished_at && stopped.state !== job.state)
    return `it was ${stopped.state}, and is ${job.state}`;
  if (job.state === "completed") {
    if (job.attempt !== planned.attempts) return `it took ${job.attempt} attempts`;
    return planned.problem(job.output);
  }
  return undefined;
}
