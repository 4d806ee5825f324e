import { beforeAll, describe, expect, it } from "vitest";
import type { JobOnWire } from "../../src/contract/job";
import {
  call,
  createProject,
  expectError,
  finish,
  generate,
  type List,
  later,
  submit,
} from "../support/http-client";

const list = (query: string, key?: string) => call<List<JobOnWire>>("GET", `/v1/jobs${query}`, { key });

/** Every page, following the cursors. */
async function all(query: string, key: string): Promise<JobOnWire[]> {
  const jobs: JobOnWire[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const { body }: { body: List<JobOnWire> } = await list(`${query}${cursor && `&cursor=${cursor}`}`, key);
    expect(body.has_more).toBe(body.next_cursor !== null);
    jobs.push(...body.data);
    cursor = body.next_cursor;
  }
  return jobs;
}

describe("GET /v1/jobs", () => {
  const made: Record<string, JobOnWire> = {};
  let key = "";

  beforeAll(async () => {
    key = await createProject("lists");
    made.old = await submit(later({ channel: "a", tags: ["x", "y"] }), { key });
    made.done = await finish(generate({ channel: "b", tags: ["x"] }), { key });
    made.failed = await finish(generate({ channel: "a" }, "sandbox/chat!status=400"), { key });
    const cancelled = await submit(later({ tags: ["y"] }), { key });
    made.cancelled = (await call("POST", `/v1/jobs/${cancelled.id}/cancel`, { key })).body;
    made.embed = await finish({ task: "embed", input: { input: "a" }, channel: "a" }, { key });
  });

  const names = (jobs: JobOnWire[]) =>
    jobs.map(({ id }) => Object.keys(made).find((name) => made[name]?.id === id));

  it("answers the list with the newest first", async () => {
    const { status, body } = await list("", key);
    expect(status).toBe(200);
    expect(Object.keys(body).sort()).toEqual(["data", "has_more", "next_cursor", "object"]);
    expect(body).toMatchObject({ object: "list", has_more: false, next_cursor: null });
    expect(names(body.data)).toEqual(["embed", "cancelled", "failed", "done", "old"]);
  });

  it("leaves input, output and attempts out, and says where the output is", async () => {
    const { body } = await list("", key);
    for (const job of body.data) {
      expect(job.output).toBeNull();
      expect(job).not.toHaveProperty("attempts");
      expect(job).not.toHaveProperty("input");
    }
    const done = body.data.find((job) => job.id === made.done?.id);
    expect(done?.output_url).toBe(`/v1/jobs/${made.done?.id}/output`);
    expect(done?.output_bytes).toBeGreaterThan(0);
  });

  it.each([
    ["state=pending", ["old"]],
    ["state=running", []],
    ["state=waiting", []],
    ["state=completed", ["embed", "done"]],
    ["state=failed", ["failed"]],
    ["state=cancelled", ["cancelled"]],
    ["task=generate", ["cancelled", "failed", "done", "old"]],
    ["task=embed", ["embed"]],
    ["task=nothing", []],
    ["channel=a", ["embed", "failed", "old"]],
    ["channel=b", ["done"]],
    ["tag=x", ["done", "old"]],
    ["tag=y", ["cancelled", "old"]],
    ["tag=x&channel=a", ["old"]],
    ["tag=y&state=pending&task=generate&channel=a", ["old"]],
    ["state=completed&channel=a", ["embed"]],
    ["state=failed&channel=b", []],
    ["state=completed&task=embed", ["embed"]],
  ])("filters by %s", async (query, expected) => {
    expect(names((await list(`?${query}`, key)).body.data)).toEqual(expected);
  });

  it.each(["", "state=completed", "channel=a", "tag=x", "state=failed", "state=pending", "task=generate"])(
    "gives every job once over pages of one, filtered by %j",
    async (filter) => {
      const whole = await list(`?${filter}`, key);
      const paged = await all(`?limit=1&${filter}`, key);
      expect(names(paged)).toEqual(names(whole.body.data));
    },
  );

  it("keeps its place when jobs come in between two pages", async () => {
    const project = await createProject("moving");
    const old = [await submit(later(), { key: project }), await submit(later(), { key: project })];
    const first = await list("?limit=1", project);
    await submit(later(), { key: project });
    const second = await list(`?limit=1&cursor=${first.body.next_cursor}`, project);
    expect([first, second].map((page) => page.body.data[0]?.id)).toEqual([old[1]?.id, old[0]?.id]);
  });

  it("shows 20 jobs unless asked otherwise, 100 at the most", async () => {
    const project = await createProject("many");
    const jobs = Array.from({ length: 101 }, () => later());
    await call("POST", "/v1/jobs/bulk", { key: project, json: { jobs } });
    expect((await list("", project)).body.data).toHaveLength(20);
    const page = await list("?limit=100", project);
    expect([page.body.data.length, page.body.has_more]).toEqual([100, true]);
    expect(await all("?limit=50", project)).toHaveLength(101);
  });

  it("finds a rare job behind many others: pages may be empty and still have a next", async () => {
    const project = await createProject("rare");
    const rare = await submit({ task: "embed", input: { input: "a" }, delay_s: 3_600 }, { key: project });
    const jobs = Array.from({ length: 1_000 }, () => later());
    for (let i = 0; i < 3; i++) await call("POST", "/v1/jobs/bulk", { key: project, json: { jobs } });
    const first = await list("?task=embed", project);
    expect(first.body).toMatchObject({ data: [], has_more: true });
    expect((await all("?task=embed", project)).map((job) => job.id)).toEqual([rare.id]);
  });

  it.each(["nonsense", "job_", "job_01K", "JOB_01KAM2T2Q5W4R0E8Z6S3N7Y9XB", "%00", "1.1", "~", ""])(
    "answers invalid_cursor to %j",
    async (cursor) => {
      expectError(await list(`?cursor=${cursor}`, key), "invalid_cursor", "cursor");
    },
  );

  it("takes the cursor of a job that was erased", async () => {
    const project = await createProject("erased-cursor");
    const jobs = [await submit(later(), { key: project }), await submit(later(), { key: project })];
    const { body } = await list("?limit=1", project);
    await call("DELETE", `/v1/jobs/${jobs[1]?.id}`, { key: project });
    const next = await list(`?cursor=${body.next_cursor}`, project);
    expect(next.body.data.map((job) => job.id)).toEqual([jobs[0]?.id]);
  });

  it.each([
    ["limit=0", "limit"],
    ["limit=101", "limit"],
    ["limit=-1", "limit"],
    ["limit=1.5", "limit"],
    ["limit=ten", "limit"],
    ["limit=1e99", "limit"],
    ["limit=", "limit"],
    ["state=done", "state"],
    ["state=", "state"],
    ["channel=", "channel"],
    ["channel=%00", "channel"],
    ["tag=%07", "tag"],
    [`tag=${"t".repeat(65)}`, "tag"],
    [`task=${"t".repeat(65)}`, "task"],
    [`cursor=${"c".repeat(65)}`, "cursor"],
  ])("refuses ?%s", async (query, param) => {
    expectError(await list(`?${query}`, key), "invalid_request", param);
  });
});
