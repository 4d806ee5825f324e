// With keys, nothing that a job is about can be read in what is stored, sent or logged.

import { listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { again } from "../../src/core/outcome";
import { cancelAll } from "../../src/engine/cancel";
import { enqueue } from "../../src/engine/enqueue";
import { settle } from "../../src/engine/settle";
import { showWholeJob } from "../../src/http/show-job";
import { renewLeases } from "../../src/store/jobs";
import { openWholeJob, sealProgress } from "../../src/store/sealed-job";
import { createVault } from "../../src/store/vault";
import { eventStream, failure, textChunk } from "../llm/fake-provider";
import { ringFor, type TestDeps, testDeps } from "../support/deps";
import { PROJECT } from "../support/factory";
import { wrapDb } from "../support/faulty-db";
import { claimOne } from "../support/moves";
import { theJob } from "../support/rows";

const CANARY = "xyzzy-plover";
const CHANNEL = "sealed";
const vault = createVault([{ id: "k1", secret: new Uint8Array(32).fill(7) }]);

const says = (text: string) => () => eventStream([textChunk(text), textChunk("", "stop"), "[DONE]"]);

function deps(
  reply: () => Response | Promise<Response>,
  over: Parameters<typeof testDeps>[0] = {},
): TestDeps {
  return testDeps({ vault, fetch: async () => reply(), ...over });
}

async function submit(with_: TestDeps, prompt: string) {
  const request = {
    task: "generate",
    input: { prompt, model: "acme/chat" },
    channel: CHANNEL,
    stream: true,
    max_attempts: 1,
  };
  const [submitted] = await enqueue(with_, { projectId: PROJECT, jobs: [request] });
  if (!submitted) throw new Error("not submitted");
  return submitted.job;
}

const all: TestDeps[] = [];
let completed: { small: string; large: string };
let failed: string;

beforeAll(async () => {
  const long = `${CANARY} `.repeat(2_000);
  const well = deps(says(`${CANARY} in short`));
  const small = await submit(well, CANARY);
  await ringFor(well, small);
  const longWinded = deps(says(long));
  const large = await submit(longWinded, long);
  await ringFor(longWinded, large);
  completed = { small: small.id, large: large.id };

  const broken = deps(() => failure(400, { message: `Invalid prompt: ${CANARY}` }));
  const lost = await submit(broken, CANARY);
  await ringFor(broken, lost);
  failed = lost.id;

  // A run that is stopped keeps its text so far; one whose end the database does not take leaves it in R2.
  const stopping = deps(async () => {
    await cancelAll(stopping, [stopped]);
    return eventStream([textChunk(`${CANARY} half`)], { hang: true });
  });
  const stopped = await submit(stopping, CANARY);
  await ringFor(stopping, stopped);
  const wrapped = wrapDb(env.DB);
  wrapped.fail(100, "lease_until = NULL");
  let now = Date.now();
  const away = deps(says(CANARY), { db: wrapped.db, now: () => (now += 10_000) });
  await ringFor(away, await submit(away, CANARY));

  // Progress and turn state.
  const turning = deps(says(CANARY));
  const turn = await claimOne({ ...(await submit(turning, CANARY)), run: 0 });
  if (!turn) throw new Error("not claimed");
  const progress = { done: 1, total: 2, message: CANARY };
  const sealed = JSON.stringify(await sealProgress(vault, turn, progress));
  await renewLeases(env.DB, [{ ...turn, progress: sealed }], 60_000);
  const end = { usage: null, progress, startedAt: Date.now(), run: 1 };
  await settle(turning, turn, { ...end, result: { ok: true, outcome: again({ seen: CANARY }, 1e6) } });
  all.push(well, longWinded, broken, stopping, away, turning);
  for (const one of all) await one.backgroundDone();
});

async function everyTable(): Promise<string> {
  const tables = await env.DB.prepare(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
  ).all<{ name: string }>();
  const rows = await Promise.all(
    tables.results.map(async ({ name }) => (await env.DB.prepare(`SELECT * FROM ${name}`).all()).results),
  );
  return JSON.stringify(rows);
}

async function everyObject(): Promise<string[]> {
  const { objects } = await env.BUCKET.list();
  const bodies = objects.map(async ({ key }) => (await env.BUCKET.get(key))?.bytes());
  return (await Promise.all(bodies)).map((bytes) => new TextDecoder("latin1").decode(bytes));
}

async function everyHub(): Promise<string> {
  const ids = await listDurableObjectIds(env.EVENT_HUB);
  const rows = ids.map((id) =>
    runInDurableObject(env.EVENT_HUB.get(id), (_hub, state) => [
      ...state.storage.sql.exec("SELECT * FROM ring"),
    ]),
  );
  return JSON.stringify(await Promise.all(rows));
}

async function everyStream(): Promise<string> {
  const ids = await listDurableObjectIds(env.JOB_LOG);
  const rows = ids.map((id) =>
    runInDurableObject(env.JOB_LOG.get(id), (_log, state) =>
      [...state.storage.sql.exec<{ data: ArrayBuffer }>("SELECT data FROM chunks")].map(({ data }) =>
        new TextDecoder().decode(data),
      ),
    ),
  );
  return JSON.stringify(await Promise.all(rows));
}

describe("with ENCRYPTION_KEYS, no plaintext of a job", () => {
  it("is in the database", async () => {
    const rows = await everyTable();
    expect(rows).toContain(completed.small);
    expect(rows).not.toContain(CANARY);
  });

  it("is in R2: neither in inputs and outputs nor in answers that wait to be settled", async () => {
    const objects = await everyObject();
    // The input and output of the large one, and what was kept unsettled.
    expect(objects.length).toBeGreaterThanOrEqual(3);
    for (const object of objects) expect(object).not.toContain(CANARY);
  });

  it("is in a Durable Object", async () => {
    const rings = await everyHub();
    expect(rings).toContain(failed);
    expect(rings).not.toContain(CANARY);
    const streams = await everyStream();
    expect(streams).toContain("completed");
    expect(streams).toContain("provider_bad_request");
    expect(streams).not.toContain(CANARY);
  });

  it("is in a queue or a log", async () => {
    const sent = all.flatMap(({ rung }) => rung);
    const logs = all.flatMap((one) => one.logs);
    expect(sent.length).toBeGreaterThanOrEqual(5);
    expect(logs.length).toBeGreaterThanOrEqual(5);
    expect(JSON.stringify([sent, logs])).not.toContain(CANARY);
  });
});

describe("with ENCRYPTION_KEYS, the owner of a job", () => {
  const root = { kind: "root" as const, keyId: null, projectId: PROJECT, scopes: ["admin" as const] };

  it.each(["small", "large"] as const)("reads the output of a %s one as it was written", async (which) => {
    const shown = await showWholeJob(deps(says("")), root, await theJob(completed[which]));
    expect(shown).toMatchObject({ state: "completed" });
    expect((shown.output as { text: string }).text).toContain(CANARY);
  });

  it("reads the words of an error, of the job and of its attempts", async () => {
    const shown = await showWholeJob(deps(says("")), root, await theJob(failed));
    expect(shown.error?.message).toContain(CANARY);
    expect(shown.attempts?.[0]?.error?.message).toContain(CANARY);
  });

  it("has turn state and progress back in the next run", async () => {
    const { results } = await env.DB.prepare("SELECT id FROM jobs WHERE turns = 1").all<{ id: string }>();
    const opened = await openWholeJob(vault, await theJob(results[0]?.id ?? ""));
    expect(opened.turnState).toBe(JSON.stringify({ seen: CANARY }));
    expect(opened.progress).toEqual({ done: 1, total: 2, message: CANARY });
  });
});
