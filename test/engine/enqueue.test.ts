import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { JobRequest } from "../../src/engine/check-jobs";
import { enqueue, type Submission } from "../../src/engine/enqueue";
import { sweep } from "../../src/engine/sweep";
import type { Doorbell } from "../../src/env";
import { movesTold, silentQueue, type TestDeps, testDeps } from "../support/deps";
import { anId, PROJECT } from "../support/factory";
import { changeRow, countRows, theJob } from "../support/rows";

const aRequest = (over: Partial<JobRequest> = {}): JobRequest => ({
  task: "generate",
  input: { prompt: "Tea in Lisbon", model: "sandbox/chat" },
  ...over,
});
const large = "x".repeat(20_000);
const aLargeRequest = (over: Partial<JobRequest> = {}) =>
  aRequest({ input: { prompt: large, model: "sandbox/chat" }, ...over });

async function submit(jobs: JobRequest[], over: Partial<Submission> = {}, deps: TestDeps = testDeps()) {
  const submitting = enqueue(deps, { projectId: PROJECT, jobs, list: jobs.length > 1, ...over });
  const submitted = await submitting.finally(() => deps.backgroundDone());
  return submitted.map(({ job, created }) => ({ id: job.id, created, job }));
}

const ids = (submitted: { id: string }[]) => submitted.map(({ id }) => id);
const made = (submitted: { created: boolean }[]) => submitted.map(({ created }) => created);
const keyed = (key: string, over: Partial<JobRequest> = {}) => aRequest({ idempotency_key: key, ...over });
const stored = async () =>
  ids((await env.BUCKET.list({ prefix: PROJECT })).objects.map(({ key }) => ({ id: key })));

describe("enqueue", () => {
  it("stores a job, rings for it, and gives it back", async () => {
    const deps = testDeps();
    const [job] = await submit([aRequest({ channel: "user-42" })], {}, deps);
    expect(await theJob(job?.id ?? "")).toMatchObject({
      state: "pending",
      task: "generate",
      model: "sandbox/chat",
    });
    expect(deps.rung).toEqual([{ p: PROJECT, id: job?.id }]);
    expect(movesTold(deps, job?.id ?? "")).toEqual(["job.submitted"]);
  });

  it("gives jobs back in the order of the request", async () => {
    const tags = Array.from({ length: 30 }, (_, i) => `n${i}`);
    const submitted = await submit(tags.map((tag) => aRequest({ tags: [tag] })));
    expect(submitted.flatMap(({ job }) => job.tags)).toEqual(tags);
  });

  it("rings in the queue of the job's lane", async () => {
    const [jobs, bulk]: [TestDeps["rung"], TestDeps["rung"]] = [[], []];
    const deps = testDeps({ jobsQueue: silentQueue(jobs), bulkQueue: silentQueue(bulk) });
    const [a, b, c] = await submit(
      [aRequest(), aRequest({ lane: "bulk" }), aRequest({ lane: "interactive" })],
      {},
      deps,
    );
    expect(jobs.map(({ id }) => id)).toEqual([a?.id, c?.id]);
    expect(bulk.map(({ id }) => id)).toEqual([b?.id]);
  });

  it("does not ring for a job that is to start later, but asks the clock to look then", async () => {
    const deps = testDeps();
    await submit([aRequest({ delay_s: 60 }), aRequest({ delay_s: 5 })], {}, deps);
    expect(deps.rung).toEqual([]);
    expect(deps.armed).toEqual([5_000]);
  });

  it("stores the jobs though the queue takes no message: the clock rings for them later", async () => {
    const deps = testDeps({ jobsQueue: silentQueue([], null, true) });
    const [job] = await submit([aRequest()], {}, deps);
    expect(deps.logs).toContainEqual(expect.objectContaining({ event: "ring_failed" }));
    await changeRow(job?.id ?? "", { run_at: Date.now() - 31_000, wake_at: Date.now() - 1_000 });
    const later = testDeps();
    await sweep(later, true);
    expect(later.rung).toContainEqual({ p: PROJECT, id: job?.id });
  });

  it("does not wait for a queue that neither answers nor fails", async () => {
    const never = new Promise<never>(() => {});
    const queue = { sendBatch: () => never } as unknown as Queue<Doorbell>;
    const waited: Promise<unknown>[] = [];
    const deps = testDeps({ jobsQueue: queue, background: (promise) => void waited.push(promise) });
    const [submitted] = await enqueue(deps, { projectId: PROJECT, jobs: [aRequest()] });
    expect(await theJob(submitted?.job.id ?? "")).toMatchObject({ state: "pending" });
    expect(waited.length).toBeGreaterThan(0);
  });

  it("stores the jobs though the clock does not answer", async () => {
    const clock = { getByName: () => ({ arm: () => Promise.reject(new Error("away")) }) };
    const deps = testDeps({ clock: clock as unknown as TestDeps["clock"] });
    expect(await submit([aRequest()], {}, deps)).toHaveLength(1);
  });

  it("puts large inputs into R2, and the text comes back whole", async () => {
    const [job] = await submit([aLargeRequest()]);
    const row = await theJob(job?.id ?? "");
    expect(row).toMatchObject({ input: null, inputKey: `${PROJECT}/${job?.id}/input` });
    const object = await env.BUCKET.get(row.inputKey ?? "");
    expect(await object?.json()).toEqual({ prompt: large, model: "sandbox/chat" });
  });

  it("stores nothing at all when one of many does not fit its task, and names every problem", async () => {
    const before = [await countRows("jobs"), await stored()];
    const jobs = [aLargeRequest(), aRequest({ task: "nonsense" }), aRequest({ input: { prompt: 7 } })];
    await expect(submit(jobs)).rejects.toMatchObject({
      code: "unknown_task",
      errors: [
        { index: 1, param: "jobs[1].task" },
        { index: 2, param: "jobs[2].input.prompt" },
      ],
    });
    expect([await countRows("jobs"), await stored()]).toEqual(before);
  });

  it("stores nothing at all when the caller refuses at the last moment", async () => {
    const before = [await countRows("jobs"), await stored()];
    const beforeInsert = () => Promise.reject(new Error("used up"));
    await expect(submit([aLargeRequest()], { beforeInsert })).rejects.toThrow("used up");
    expect([await countRows("jobs"), await stored()]).toEqual(before);
  });
});

describe("enqueue with an idempotency key", () => {
  it("gives the first job again for an equal request, whatever the order of its fields", async () => {
    const key = anId("req");
    const first = await submit([keyed(key, { metadata: { a: 1, b: 2 } })]);
    const deps = testDeps();
    const again = await submit([{ metadata: { b: 2, a: 1 }, ...keyed(key), idempotency_key: key }], {}, deps);
    expect(ids(again)).toEqual(ids(first));
    expect([made(first), made(again)]).toEqual([[true], [false]]);
    expect(deps.rung).toEqual([]);
  });

  it("refuses the key for another request, and stores nothing", async () => {
    const key = anId("req");
    await submit([keyed(key)]);
    const before = [await countRows("jobs"), await stored()];
    const other = submit([aLargeRequest({ idempotency_key: key })]);
    await expect(other).rejects.toMatchObject({ code: "idempotency_mismatch", param: "Idempotency-Key" });
    expect([await countRows("jobs"), await stored()]).toEqual(before);
  });

  it("sees a difference in a field of the user's that happens to be called idempotency_key", async () => {
    const key = anId("req");
    await submit([keyed(key, { metadata: { idempotency_key: "a" } })]);
    const other = submit([keyed(key, { metadata: { idempotency_key: "b" } })]);
    await expect(other).rejects.toMatchObject({ code: "idempotency_mismatch" });
  });

  it("keeps no large input of a request that made no job", async () => {
    const key = anId("req");
    await submit([aLargeRequest({ idempotency_key: key })]);
    const before = await stored();
    await submit([aLargeRequest({ idempotency_key: key })]);
    expect(await stored()).toEqual(before);
  });

  it("works for each of many keys of a project", async () => {
    const keys = Array.from({ length: 10 }, () => anId("req"));
    const first = await Promise.all(keys.map((key) => submit([keyed(key)])));
    const again = await Promise.all(keys.map((key) => submit([keyed(key)])));
    expect(again.flatMap(ids)).toEqual(first.flatMap(ids));
    expect(new Set(first.flatMap(ids)).size).toBe(10);
  });

  it("makes one job of a hundred equal requests at once, and gives it to all of them", async () => {
    const key = anId("req");
    const all = await Promise.all(Array.from({ length: 100 }, () => submit([keyed(key)])));
    expect(new Set(all.flatMap(ids)).size).toBe(1);
    expect(all.flatMap(made).filter(Boolean)).toHaveLength(1);
  });
});

describe("enqueue of many jobs", () => {
  it("gives the same jobs again for the same key of the whole", async () => {
    const bulkKey = anId("req");
    const jobs = [aRequest(), aRequest(), aLargeRequest()];
    const first = await submit(jobs, { bulkKey });
    const again = await submit(jobs, { bulkKey });
    expect(ids(again)).toEqual(ids(first));
    expect(made(again)).toEqual([false, false, false]);
  });

  it("refuses the key of the whole for other jobs", async () => {
    const bulkKey = anId("req");
    await submit([aRequest(), aRequest()], { bulkKey });
    const other = submit([aRequest()], { bulkKey });
    await expect(other).rejects.toMatchObject({ code: "idempotency_mismatch", param: "Idempotency-Key" });
  });

  it("makes only those that their own keys have not made, in the order of the request", async () => {
    const key = anId("req");
    const [old] = await submit([keyed(key)]);
    const jobs = [aRequest(), keyed(key), keyed(anId("req"))];
    const first = await submit(jobs);
    expect(made(first)).toEqual([true, false, true]);
    expect(first[1]?.id).toBe(old?.id);
  });

  it("names the jobs whose keys do not fit", async () => {
    const key = anId("req");
    await submit([keyed(key)]);
    const jobs = [aRequest(), keyed(key, { priority: 5 }), aRequest()];
    await expect(submit(jobs)).rejects.toMatchObject({
      code: "idempotency_mismatch",
      errors: [{ index: 1, param: "jobs[1].idempotency_key" }],
    });
  });

  it("gives one job twice when two of them have the same key and are equal", async () => {
    const key = anId("req");
    const both = await submit([keyed(key), keyed(key)]);
    expect(new Set(ids(both)).size).toBe(1);
    expect(both).toHaveLength(2);
  });

  it.each(["some", "all"])(
    "gives every job again when %s of them had been made by their own keys",
    async (share) => {
      const keys = [anId("req"), anId("req")];
      const [old] = await submit([keyed(keys[0] ?? "")]);
      if (share === "all") await submit([keyed(keys[1] ?? "")]);
      const jobs = keys.map((key) => keyed(key));
      const bulkKey = anId("req");
      const first = await submit(jobs, { bulkKey });
      const again = await submit(jobs, { bulkKey });
      expect(first).toHaveLength(2);
      expect(first[0]?.id).toBe(old?.id);
      expect(ids(again)).toEqual(ids(first));
    },
  );

  it("takes jobs with other keys of their own for another request, and leaves those keys unused", async () => {
    const bulkKey = anId("req");
    const [one, two] = [anId("req"), anId("req")];
    await submit([keyed(one)], { bulkKey });
    await expect(submit([keyed(two)], { bulkKey })).rejects.toMatchObject({ code: "idempotency_mismatch" });
    expect(made(await submit([keyed(two)]))).toEqual([true]);
  });
});
