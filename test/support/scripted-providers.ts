// Models in several places, behind providers that answer key by key as a script says; and jobs that go from one to another.

import type { WholeJob } from "../../src/core/job";
import { enqueue } from "../../src/engine/enqueue";
import type { Provider } from "../../src/llm/providers";
import { acme, failure } from "../llm/fake-provider";
import { fallDue } from "./age";
import { type Edge, ringFor, type TestDeps, testDeps } from "./deps";
import { PROJECT } from "./factory";
import { theJob } from "./rows";

const main: Provider = {
  name: "main",
  base_url: "https://main.test/v1",
  key: ["K1", "K2"],
  models: [{ name: "large", kind: "chat", rpm: 100, price: { input: 1, output: 10 } }],
};
export const spare: Provider = {
  name: "spare",
  base_url: "https://spare.test/v1",
  key: "K3",
  models: [{ name: "small", kind: "chat", price: { input: 2, output: 20 } }],
};
export const listed = (model: string, weight: number | null = null) => ({ model, weight });
export const models = {
  providers: [main, spare, acme],
  aliases: { smart: [listed("main/large"), listed("spare/small")] },
};

/** What each key answers, call by call; the last one again and again. */
type Script = Record<string, (() => Response)[]>;

export function scripted(script: Script, edge: Edge = {}): TestDeps & { called: string[]; bodies: string[] } {
  const called: string[] = [];
  const bodies: string[] = [];
  const deps = testDeps({
    models,
    random: () => 0,
    fetch: async (_url, init) => {
      const key = new Headers(init?.headers).get("authorization")?.replace("Bearer sk-", "") ?? "";
      const replies = script[key] ?? [];
      const reply = replies[Math.min(called.filter((one) => one === key).length, replies.length - 1)];
      called.push(key);
      bodies.push(String(init?.body));
      return reply ? reply() : failure(500);
    },
    ...edge,
  });
  return Object.assign(deps, { called, bodies });
}

export async function submitted(
  deps: TestDeps,
  over: Record<string, unknown> = {},
  model = "smart",
): Promise<WholeJob> {
  const request = { task: "generate", input: { prompt: "Tea in Lisbon", model }, ...over };
  const [made] = await enqueue(deps, { projectId: PROJECT, jobs: [request] });
  await deps.backgroundDone();
  return theJob(made?.job.id ?? "");
}

/** Runs the job, as often as it takes, and says where it stood after each run. */
export async function runs(deps: TestDeps, job: WholeJob, atMost = 20): Promise<WholeJob[]> {
  const seen: WholeJob[] = [];
  for (let now = job; now.state === "pending" && seen.length < atMost; ) {
    await fallDue(now.id);
    now = (await ringFor(deps, now))[0] as WholeJob;
    seen.push(now);
  }
  return seen;
}
