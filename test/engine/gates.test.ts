import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Deps } from "../../src/deps";
import { Gatekeeper } from "../../src/durable/gatekeeper";
import { answerDoorbells } from "../../src/engine/answer";
import { enqueue } from "../../src/engine/enqueue";
import { pause } from "../../src/engine/pause";
import { runBatch } from "../../src/engine/run-batch";
import { acme, answer, failure } from "../llm/fake-provider";
import { type Edge, type TestDeps, testDeps } from "../support/deps";
import { PROJECT } from "../support/factory";
import { theJob } from "../support/rows";

const LIMITED = "acme/limited";

/** A gate in this very process, on the same database, whose rings are seen. */
function withGate(edge: Edge = {}): TestDeps & { gate: Gatekeeper; asked: string[] } {
  const asked: string[] = [];
  const deps = testDeps(edge);
  const stored = new Map<string, unknown>();
  const store = {
    get: <T>(key: string) => stored.get(key) as T | undefined,
    put: (key: string, value: unknown) => void stored.set(key, value),
  };
  const gate = new Gatekeeper(deps, LIMITED, store);
  const call = (name: "ask" | "take" | "tell" | "nudge") => {
    return (_pool: string, ...args: unknown[]) => {
      asked.push(name);
      return (gate[name] as (...args: unknown[]) => Promise<unknown>).apply(gate, args);
    };
  };
  const stub = { ask: call("ask"), take: call("take"), tell: call("tell"), nudge: call("nudge") };
  deps.gates = { getByName: () => stub } as unknown as Deps["gates"];
  return Object.assign(deps, { gate, asked });
}

function gatesAway(): Deps["gates"] {
  const away = () => Promise.reject(new Error("gate away"));
  return {
    getByName: () => ({ ask: away, take: away, tell: away, nudge: away }),
  } as unknown as Deps["gates"];
}

async function submit(deps: TestDeps, models: string[], over = {}): Promise<string[]> {
  const jobs = models.map((model) => ({
    task: "generate",
    input: { prompt: "Tea in Lisbon", model },
    ...over,
  }));
  const submitted = await enqueue(deps, { projectId: PROJECT, jobs, list: true });
  await deps.backgroundDone();
  return submitted.map(({ job }) => job.id);
}

/** As the consumer does with what was rung so far. */
async function consume(deps: TestDeps): Promise<void> {
  await runBatch(deps, await answerDoorbells(deps, deps.rung.splice(0)));
  await deps.backgroundDone();
}

async function statesOf(ids: string[]): Promise<string[]> {
  return (await Promise.all(ids.map((id) => theJob(id)))).map(({ state }) => state);
}

beforeEach(async () => {
  await env.DB.exec("DELETE FROM jobs");
  await env.DB.exec("DELETE FROM pauses");
  // A gate with a line looks again and again: it must not outlive its test.
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});

afterEach(() => {
  vi.clearAllTimers();
  vi.useRealTimers();
});

describe("a job of a pool without limits", () => {
  it("asks no gate, from its submit to its end", async () => {
    const deps = withGate({ fetch: async () => answer() });
    const ids = await submit(deps, ["acme/chat"]);
    await consume(deps);
    expect(await statesOf(ids)).toEqual(["completed"]);
    expect(deps.asked).toEqual([]);
  });
});

describe("a job of a limited pool", () => {
  it("is admitted before it is claimed, and gives its slot back with what it has really used", async () => {
    const deps = withGate({ fetch: async () => answer() });
    const ids = await submit(deps, [LIMITED]);
    await consume(deps);
    expect(await statesOf(ids)).toEqual(["completed"]);
    expect(deps.asked).toEqual(["ask", "tell"]);
    const { in_flight, used_last_minute } = await deps.gate.view();
    const { usage } = await theJob(ids[0] ?? "");
    const tokens = (usage?.input_tokens ?? 0) + (usage?.output_tokens ?? 0);
    expect({ in_flight, used_last_minute }).toEqual({
      in_flight: 0,
      used_last_minute: { requests: 1, tokens },
    });
  });

  it("learns the provider's limits from the headers of the answer", async () => {
    const headers = {
      "x-ratelimit-limit-requests": "40",
      "x-ratelimit-remaining-requests": "39",
      "x-ratelimit-reset-requests": "1.5s",
    };
    const fetch = async () => {
      const response = answer();
      return new Response(response.body, {
        headers: { ...Object.fromEntries(response.headers), ...headers },
      });
    };
    const deps = withGate({ fetch });
    await submit(deps, [LIMITED]);
    await consume(deps);
    expect((await deps.gate.view()).limits.in_force.requests).toBe(40);
  });

  it("is told of as one of many when a bulk comes in, and none of it is rung before its turn", async () => {
    const deps = withGate();
    await submit(deps, Array(15).fill(LIMITED));
    expect(deps.asked).toEqual(["nudge"]);
    expect(deps.rung.length).toBeLessThan(15);
  });

  it("stays pending while its gate is away, and the others of its batch run", async () => {
    const deps = withGate({ fetch: async () => answer() });
    deps.gates = gatesAway();
    const ids = await submit(deps, [LIMITED, "acme/chat"]);
    await consume(deps);
    expect(await statesOf(ids)).toEqual(["pending", "completed"]);
    expect(deps.logs).toContainEqual(expect.objectContaining({ event: "gate_away", pool: LIMITED }));
  });

  it("that was paused after its turn came gives its slot back unused", async () => {
    const deps = withGate({ fetch: async () => answer() });
    const ids = await submit(deps, [LIMITED]);
    await pause(deps, { projectId: PROJECT });
    await consume(deps);
    expect(await statesOf(ids)).toEqual(["pending"]);
    const { in_flight, used_last_minute } = await deps.gate.view();
    expect({ in_flight, used_last_minute }).toEqual({
      in_flight: 0,
      used_last_minute: { requests: 0, tokens: 0 },
    });
  });

  it("that ended before its doorbell came keeps no slot", async () => {
    const deps = withGate({ fetch: async () => answer() });
    await submit(deps, [LIMITED]);
    const bells = [...deps.rung];
    await consume(deps);
    deps.rung.push(...bells);
    await consume(deps);
    expect((await deps.gate.view()).in_flight).toBe(0);
  });
});

describe("a pool that is down", () => {
  const targets = [LIMITED, "acme/chat"].map((model) => ({ model, weight: null }));
  const models = { providers: [acme], aliases: { both: targets } };

  it("sends a job that has another one there, which uses no attempt", async () => {
    const isLimited = (init?: RequestInit) => String(init?.body).includes('"limited"');
    const deps = withGate({
      models,
      fetch: async (_url, init) => (isLimited(init) ? failure(503) : answer()),
    });
    await deps.gate.limit({ rpm: 60_000, concurrency: 10 });
    // Five failures in a row open its circuit.
    const failing = await submit(deps, Array(5).fill(LIMITED), { max_attempts: 1 });
    await consume(deps);
    expect(await statesOf(failing)).toEqual(Array(5).fill("failed"));
    const [id = ""] = await submit(deps, ["both"]);
    expect(await theJob(id)).toMatchObject({ model: LIMITED, pool: LIMITED });
    await consume(deps);
    expect(await theJob(id)).toMatchObject({ state: "pending", attempt: 0, model: "acme/chat", pool: null });
    await consume(deps);
    expect(await theJob(id)).toMatchObject({ state: "completed", attempt: 1 });
  });

  it("keeps a job that has no other, and says why", async () => {
    const deps = withGate({ fetch: async () => failure(503) });
    await deps.gate.limit({ rpm: 60_000, concurrency: 10 });
    await submit(deps, Array(5).fill(LIMITED), { max_attempts: 1 });
    await consume(deps);
    const ids = await submit(deps, [LIMITED]);
    await consume(deps);
    expect(await statesOf(ids)).toEqual(["pending"]);
    expect(await deps.gate.view()).toMatchObject({ circuit: { state: "open" }, in_flight: 0 });
  });
});
