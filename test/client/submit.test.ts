import { describe, expect, it } from "vitest";
import type { Job, JobOptions } from "../../client/src/index";
import { connect, dontPause, type Fault, type Seen } from "../support/client-wire";
import { call, untilState } from "../support/http-client";

const INPUT = { prompt: "Say hello.", model: "sandbox/chat!reply=Hello" };
const LATER = { delayS: 3_600 };
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** What is stored under the tag. */
async function stored(tag: string): Promise<Job[]> {
  return (await call<{ data: Job[] }>("GET", `/v1/jobs?tag=${tag}`)).body.data;
}

const keysOf = (requests: Seen[]) => requests.map(({ headers }) => headers.get("idempotency-key"));

/** The first request meets the fault, the others none. */
const first = (fault: Fault) => ({ request: (_: Seen, nth: number) => (nth === 1 ? fault : undefined) });

function unsure(): Response {
  const error = { message: "Nobody knows.", type: "api_error", code: "store_unavailable", param: null };
  const job_ids = ["job_01KAM2T2Q5W4R0E8Z6S3N7Y9XB"];
  return Response.json({ error: { ...error, job_ids, request_id: "r" } }, { status: 503 });
}

describe("submit", () => {
  it("stores the job with all its options, and returns it as the API shows it", async () => {
    const { errand } = connect();
    const options: JobOptions = {
      channel: "user-42",
      tags: ["blog"],
      metadata: { post: 7 },
      lane: "interactive",
      priority: -3,
      fairKey: "user-42",
      runAt: new Date("2099-01-02T03:04:05.678Z"),
      expiresInS: 7_200,
      maxAttempts: 2,
      timeoutS: 12.5,
      retentionS: 60,
      concurrency: { key: "k", limit: 2 },
      onBudget: "fail",
      stream: true,
    };
    const job = await errand.jobs.submit("generate", INPUT, options);
    expect(job).toEqual((await call("GET", `/v1/jobs/${job.id}`)).body);
    expect(job).toMatchObject({
      channel: "user-42",
      tags: ["blog"],
      metadata: { post: 7 },
      lane: "interactive",
      priority: -3,
      fair_key: "user-42",
      run_at: "2099-01-02T03:04:05.678Z",
      max_attempts: 2,
      timeout_s: 12.5,
      retention_s: 60,
      concurrency: { key: "k", limit: 2 },
      on_budget: "fail",
      stream: true,
    });
    expect(Date.parse(job.expires_at ?? "") - Date.parse(job.created_at)).toBe(7_200_000);
  });

  it.each<[string, Fault, string]>([
    ["the request did not arrive", "refuse", "s-refuse"],
    ["the answer was lost", "lose", "s-lose"],
    ["nobody knows whether it was stored", unsure(), "s-unsure"],
    ["a proxy failed", new Response("<h1>Bad Gateway</h1>", { status: 502 }), "s-proxy"],
  ])("makes one job, with one key for all tries, when %s", async (_, fault, tag) => {
    dontPause();
    const { errand, wire } = connect({ faults: first(fault) });
    const job = await errand.jobs.submit("generate", INPUT, { ...LATER, tags: [tag] });
    expect((await stored(tag)).map(({ id }) => id)).toEqual([job.id]);
    const [one, two, ...more] = keysOf(wire.requests);
    expect(one).toMatch(UUID);
    expect([two, more]).toEqual([one, []]);
  });

  it("makes a job for each call, though they are equal", async () => {
    const { errand, wire } = connect();
    const submit = () => errand.jobs.submit("generate", INPUT, { ...LATER, tags: ["s-equal"] });
    expect((await submit()).id).not.toBe((await submit()).id);
    expect(new Set(keysOf(wire.requests)).size).toBe(2);
  });

  it("uses the caller's own key, so that the same call later gives the same job", async () => {
    const { errand, wire } = connect();
    const submit = () => errand.jobs.submit("generate", INPUT, { ...LATER, idempotencyKey: "order-7" });
    expect((await submit()).id).toBe((await submit()).id);
    expect(keysOf(wire.requests)).toEqual(["order-7", "order-7"]);
  });

  it("takes a task whose name is known at run time only", async () => {
    const { errand } = connect();
    const name: string = JSON.parse('"generate"');
    expect(await errand.jobs.submit(name, INPUT, LATER)).toMatchObject({
      task: "generate",
      state: "pending",
    });
  });
});

describe("bulk", () => {
  const jobs = (tag: string) =>
    ["one", "two"].map((prompt) => ({
      task: "generate" as const,
      input: { ...INPUT, prompt },
      ...LATER,
      tags: [tag],
    }));

  it("makes all jobs once, in order, though the answer was lost", async () => {
    dontPause();
    const { errand, wire } = connect({ faults: first("lose") });
    const made = await errand.jobs.bulk(jobs("b-lose"));
    expect((await stored("b-lose")).map(({ id }) => id).reverse()).toEqual(made.map(({ id }) => id));
    const [one, two] = keysOf(wire.requests);
    expect(one).toMatch(UUID);
    expect(two).toBe(one);
  });

  it("gives a job that has a key of its own the earlier job of that key", async () => {
    const { errand } = connect();
    const [job] = jobs("b-own");
    if (!job) throw new Error("no job");
    const submit = async () => (await errand.jobs.bulk([{ ...job, idempotencyKey: "b-own-1" }]))[0]?.id;
    expect(await submit()).toBe(await submit());
  });

  it("tells of each wrong job which one it is", async () => {
    const { errand } = connect();
    const [job] = jobs("b-wrong");
    if (!job) throw new Error("no job");
    const wrong = { ...job, priority: 101 };
    await expect(errand.jobs.bulk([job, wrong])).rejects.toMatchObject({
      name: "InvalidRequestError",
      code: "invalid_request",
      status: 400,
      problems: [{ index: 1, param: "jobs[1].priority" }],
    });
  });
});

describe("what is not safe to repeat", () => {
  it("is sent once: a retry whose answer was lost is not made again", async () => {
    dontPause();
    const done = await connect().errand.jobs.run("generate", INPUT, { tags: ["r-once"] });
    const { errand, wire } = connect({ faults: { request: () => "lose" } });
    await expect(errand.jobs.retry(done.id)).rejects.toMatchObject({ code: "connection_failed" });
    expect(wire.requests).toHaveLength(1);
    const [rerun, ...others] = (await stored("r-once")).filter(({ id }) => id !== done.id);
    expect([rerun?.rerun_of, others]).toEqual([done.id, []]);
    await untilState(rerun?.id ?? "", "completed");
  });

  it("is repeated where it does no harm: cancel and erase end well though the first answer was lost", async () => {
    dontPause();
    const { errand } = connect();
    const job = await errand.jobs.submit("generate", INPUT, LATER);
    const losing = connect({ faults: first("lose") });
    expect(await losing.errand.jobs.cancel(job.id)).toMatchObject({ id: job.id, state: "cancelled" });
    expect(losing.wire.requests).toHaveLength(2);
    const losingAgain = connect({ faults: first("lose") });
    await losingAgain.errand.jobs.erase(job.id);
    expect(losingAgain.wire.requests).toHaveLength(2);
    await expect(errand.jobs.get(job.id)).rejects.toMatchObject({ name: "NotFoundError", status: 404 });
  });

  it("is still told when there was nothing to erase in the first place", async () => {
    const missing = connect().errand.jobs.erase("job_01KAM2T2Q5W4R0E8Z6S3N7Y9XB");
    await expect(missing).rejects.toMatchObject({ code: "not_found" });
  });
});
