// What the engine is handed in tests: the real database, bucket and hubs; the outermost edge is watched and can be broken.

import { env } from "cloudflare:workers";
import type { JobEvent, MoveEvent } from "../../src/core/events";
import type { WholeJob } from "../../src/core/job";
import { TIMING } from "../../src/core/limits";
import type { Deps } from "../../src/deps";
import { answerDoorbells } from "../../src/engine/answer";
import type { RunDeps } from "../../src/engine/run";
import { runBatch } from "../../src/engine/run-batch";
import type { Doorbell } from "../../src/env";
import { createLlm, type LlmDeps } from "../../src/llm/create-llm";
import type { Fetch } from "../../src/llm/fetch";
import { createHeaderSlots } from "../../src/llm/header-slots";
import { type CatalogueOptions, createCatalogue } from "../../src/llm/models";
import { createVault } from "../../src/store/vault";
import { acme } from "../llm/fake-provider";
import { anId } from "./factory";
import { theJob } from "./rows";

export type TestDeps = RunDeps & {
  /** What was told to the hubs, in order. */
  published: JobEvent[];
  /** What was rung. Nothing reaches a real queue, so nothing runs by itself. */
  rung: Doorbell[];
  logs: { event: string; [field: string]: unknown }[];
  armed: number[];
  backgroundDone(): Promise<void>;
};

export type Edge = Partial<Deps & Pick<RunDeps, "fetchUrl">> & {
  /** Answers for the providers. The sandbox is there too, and needs no network. */
  fetch?: Fetch;
  /** Which models there are, besides the sandbox's. */
  models?: Partial<Pick<CatalogueOptions, "providers" | "aliases">>;
  /** As the gate would, before a further call of a run. */
  beforeCall?: LlmDeps["beforeCall"];
};

export function testDeps(edge: Edge = {}): TestDeps {
  const { fetch, models, beforeCall, ...over } = edge;
  const catalogue = createCatalogue({
    providers: [acme],
    aliases: {},
    defaultModel: null,
    sandbox: true,
    ...models,
  });
  const published: JobEvent[] = [];
  const rung: Doorbell[] = [];
  const logs: TestDeps["logs"] = [];
  const armed: number[] = [];
  const background: Promise<unknown>[] = [];
  return {
    db: env.DB,
    bucket: env.BUCKET,
    vault: createVault([]),
    jobsQueue: silentQueue(rung),
    bulkQueue: silentQueue(rung),
    hubs: watchedHubs(published),
    clock: silentClock(armed),
    gates: env.GATE,
    streams: env.STREAM_LOG,
    jobLogs: env.JOB_LOG,
    config: {
      catalogue,
      timing: TIMING,
      retentionMs: 7 * 86_400_000,
      maxOpenJobs: 1_000_000,
      localUrls: false,
      encryptionKeys: [],
    },
    now: Date.now,
    random: () => 0.5,
    newId: anId,
    log: (event, fields) => void logs.push({ event, ...fields }),
    background: (promise) => void background.push(promise),
    fetchUrl: () => Promise.reject(new Error("no internet here")),
    createLlm: (run) =>
      createLlm({
        catalogue,
        secret: (name) => `sk-${name}`,
        headerSlots: createHeaderSlots(),
        fetch: fetch ?? (() => Promise.reject(new Error("no network here"))),
        ...run,
        beforeCall: beforeCall ?? run.beforeCall,
      }),
    ...over,
    published,
    rung,
    logs,
    armed,
    async backgroundDone() {
      while (background.length > 0) await background.shift();
    },
  };
}

/** A queue that takes everything and delivers nothing. `metrics` says how old its oldest message is. */
export function silentQueue(rung: Doorbell[], oldest: number | null = null, fails = false): Queue<Doorbell> {
  const queue = {
    async sendBatch(messages: MessageSendRequest<Doorbell>[]) {
      if (fails) throw new Error("queue away");
      rung.push(...messages.map(({ body }) => body));
    },
    async send(body: Doorbell) {
      if (fails) throw new Error("queue away");
      rung.push(body);
    },
    async metrics() {
      if (fails) throw new Error("queue away");
      return {
        backlogCount: oldest === null ? 0 : 1,
        backlogBytes: 0,
        oldestMessageTimestamp: oldest === null ? undefined : new Date(oldest),
      };
    },
  };
  return queue as unknown as Queue<Doorbell>;
}

/** The real hubs, with their mail read on the way. */
function watchedHubs(published: JobEvent[]): Deps["hubs"] {
  const hubs = {
    getByName: (name: string) => ({
      async publish(events: JobEvent[]) {
        published.push(...structuredClone(events));
        await env.EVENT_HUB.getByName(name).publish(events);
      },
      forget: (ids: string[]) => env.EVENT_HUB.getByName(name).forget(ids),
    }),
  };
  return hubs as unknown as Deps["hubs"];
}

/** Hubs that never answer. */
export function brokenHubs(): Deps["hubs"] {
  const hubs = { getByName: () => ({ publish: () => Promise.reject(new Error("hub away")) }) };
  return hubs as unknown as Deps["hubs"];
}

/** A bucket that never answers. */
export function brokenBucket(): R2Bucket {
  return new Proxy(env.BUCKET, { get: () => () => Promise.reject(new Error("R2 away")) });
}

/** A clock that only writes down when it was asked to look. A real one would sweep while a test sets its stage. */
function silentClock(armed: number[]): Deps["clock"] {
  const clock = {
    arm: async () => 120_000,
    armFor: async (inMs: number) => void armed.push(inMs),
  };
  return { getByName: () => clock } as unknown as Deps["clock"];
}

/** As the consumer does with a batch, and waits for its end. Returns the jobs as they stand then, in the same order. */
export async function ringFor(
  deps: TestDeps,
  ...jobs: { projectId: string; id: string }[]
): Promise<WholeJob[]> {
  const bells = jobs.map(({ projectId, id }) => ({ p: projectId, id }));
  await runBatch(deps, await answerDoorbells(deps, bells));
  await deps.backgroundDone();
  return Promise.all(jobs.map(({ projectId, id }) => theJob(id, projectId)));
}

/** The jobs that were rung since this was asked last. */
export function takeRungJobs(deps: TestDeps): { projectId: string; id: string }[] {
  return deps.rung.splice(0).map(({ p, id }) => ({ projectId: p, id }));
}

/** The ids of the jobs that were rung since this was asked last. */
export const takeRungIds = (deps: TestDeps) => takeRungJobs(deps).map(({ id }) => id);

/** The types of the moves that were told of a job, in order. */
export function movesTold(deps: TestDeps, jobId: string): MoveEvent["type"][] {
  return deps.published.flatMap((event) =>
    event.job_id === jobId && event.type !== "job.progress" ? [event.type] : [],
  );
}

/** The input of a `generate` job as text, for a sandbox model with these options. */
export function promptFor(options: string, prompt = "Tea in Lisbon"): { input: string; model: string } {
  const model = options === "" ? "sandbox/chat" : `sandbox/chat!${options}`;
  return { input: JSON.stringify({ prompt, model }), model };
}
