import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import {
  call,
  createKey,
  createProject,
  expectError,
  finish,
  generate,
  later,
  submit,
} from "../support/http-client";

type Group = Record<string, string | number | null> & { runs: number; cost_usd: number };
type Report = { data: Group[]; total: Group; has_more: boolean; next_cursor: string | null };

const today = () => new Date().toISOString().slice(0, 10);

const NOTHING = { input_tokens: 0, output_tokens: 0, cached_tokens: 0, reasoning_tokens: 0 };

/** One line of the sums by day, of so many runs. */
async function used(project: string, day: string, runs: number, over: Record<string, string | number> = {}) {
  const row = { tag: "", task: "generate", model: "acme/chat", key_id: "", ...NOTHING, cost_nano_usd: 0 };
  const columns = { project_id: project, day, ...row, runs, unpriced_runs: 0, estimated_runs: 0, ...over };
  const names = Object.keys(columns);
  const sql = `INSERT INTO usage_days (${names}) VALUES (${names.map((_, i) => `?${i + 1}`)})`;
  await env.DB.prepare(sql)
    .bind(...Object.values(columns))
    .run();
}

async function usage(query: string, key?: string): Promise<Report> {
  const answer = await call<Report>("GET", `/v1/usage${query}`, { key });
  expect(answer.status, answer.text).toBe(200);
  return answer.body;
}

describe("usage", () => {
  let key = "";

  beforeAll(async () => {
    key = await createProject("used", ["jobs:read", "jobs:write"]);
    await used("used", "2026-01-31", 1, { cost_nano_usd: 1 });
    await used("used", "2026-02-01", 2, { cost_nano_usd: 20, model: "acme/large" });
    await used("used", "2026-02-02", 4, { cost_nano_usd: 300, model: "other/chat", key_id: "key_1" });
    await used("used", "2026-02-02", 3, {
      cost_nano_usd: 250,
      model: "other/chat",
      key_id: "key_1",
      tag: "a",
    });
    await used("used", "2026-02-02", 4, {
      cost_nano_usd: 300,
      model: "other/chat",
      key_id: "key_1",
      tag: "b",
    });
    await used("used", "2026-02-03", 8, { cost_nano_usd: 4_000, model: "", task: "own" });
    await createProject("neighbour");
    await used("neighbour", "2026-02-01", 100);
  });

  it.each([
    [
      "day",
      [
        ["2026-02-01", 2],
        ["2026-02-02", 4],
        ["2026-02-03", 8],
      ],
    ],
    [
      "model",
      [
        [null, 8],
        ["acme/large", 2],
        ["other/chat", 4],
      ],
    ],
    [
      "provider",
      [
        [null, 8],
        ["acme", 2],
        ["other", 4],
      ],
    ],
    [
      "key",
      [
        [null, 10],
        ["key_1", 4],
      ],
    ],
    [
      "task",
      [
        ["generate", 6],
        ["own", 8],
      ],
    ],
    ["project", [["used", 14]]],
    [
      "tag",
      [
        ["a", 3],
        ["b", 4],
      ],
    ],
  ])("is added up by %s over the days that are asked for, both included", async (group, expected) => {
    const { data, total } = await usage(`?from=2026-02-01&to=2026-02-03&group_by=${group}`, key);
    expect(data.map((one) => [one[group], one.runs])).toEqual(expected);
    expect(total).toMatchObject({ runs: 14, cost_usd: 4_320 / 1e9 });
  });

  it("is added up by several of them, in the order in which they are asked for", async () => {
    const { data } = await usage("?from=2026-01-01&to=2026-02-28&group_by=provider,day", key);
    expect(data.map(({ provider, day, runs }) => [provider, day, runs])).toEqual([
      [null, "2026-02-03", 8],
      ["acme", "2026-01-31", 1],
      ["acme", "2026-02-01", 2],
      ["other", "2026-02-02", 4],
    ]);
  });

  it("comes in pages that leave nothing out", async () => {
    const query = "?from=2026-01-01&to=2026-02-28&group_by=task,day&limit=2";
    const seen: unknown[] = [];
    for (let cursor = "", more = true; more; ) {
      const page = await usage(query + cursor, key);
      seen.push(...page.data.map(({ day }) => day));
      expect(page.total.runs).toBe(15);
      more = page.has_more;
      cursor = `&cursor=${encodeURIComponent(page.next_cursor ?? "")}`;
    }
    expect(seen).toEqual(["2026-01-31", "2026-02-01", "2026-02-02", "2026-02-03"]);
  });

  it("is that of this month when no days are named, and of all of it to the last token", async () => {
    const own = await createProject("fresh");
    const job = await finish(generate({ tags: ["x"] }), { key: own });
    const { data, total } = await usage("", own);
    const { input_tokens, output_tokens } = job.usage ?? {};
    expect(data).toMatchObject([{ day: today(), runs: 1, input_tokens, output_tokens }]);
    expect(total).toMatchObject({
      runs: 1,
      input_tokens,
      output_tokens,
      unpriced_runs: 0,
      estimated_runs: 0,
    });
  });

  it("of one job is its runs, with the price of each", async () => {
    const own = await createProject("runs");
    const job = await finish(generate(), { key: own });
    const { data, total } = await usage(`?group_by=job&job=${job.id}`, own);
    const price = { input: 0, output: 0 };
    const keyId = expect.stringMatching(/^key_/);
    const line = {
      job: job.id,
      run: 1,
      task: "generate",
      provider: "sandbox",
      price,
      lost: false,
      key: keyId,
    };
    expect(data).toMatchObject([{ ...line, runs: 1, output_tokens: job.usage?.output_tokens }]);
    expect(total).toMatchObject({ runs: 1, output_tokens: job.usage?.output_tokens });
    // What was paid for stays, whatever becomes of the job.
    await call("DELETE", `/v1/jobs/${job.id}`, { key: own });
    expect((await usage(`?group_by=job&job=${job.id}`, own)).data).toHaveLength(1);
  });

  it("of a job that has used nothing is empty, of one that is missing or another's is 404", async () => {
    const own = await createProject("jobless");
    const { id } = await submit(later(), { key: own });
    expect((await usage(`?group_by=job&job=${id}`, own)).data).toEqual([]);
    for (const wrong of [id, "x", "job_01KAM2T2Q5W4R0E8Z6S3N7Y9XB"]) {
      expectError(await call("GET", `/v1/usage?group_by=job&job=${wrong}`, { key }), "not_found");
    }
    expectError(await call("GET", "/v1/usage?group_by=job", { key }), "invalid_request", "job");
  });

  it("of another project is seen by the root key only, and of all of them by project", async () => {
    const query = "from=2026-02-01&to=2026-02-03";
    expect((await usage(`?${query}&project=used`)).total.runs).toBe(14);
    const { data, total } = await usage(`?${query}&group_by=project`);
    expect(data.map(({ project, runs }) => [project, runs])).toEqual([
      ["neighbour", 100],
      ["used", 14],
    ]);
    expect(total.runs).toBe(114);
    expectError(await call("GET", `/v1/usage?${query}&project=neighbour`, { key }), "not_found");
    const own = await createKey("neighbour");
    expect((await usage(`?${query}&group_by=project`, own)).total.runs).toBe(100);
  });

  it.each([
    ["group_by=week", "group_by"],
    ["group_by=day,day", "group_by"],
    ["group_by=job,day", "group_by"],
    ["group_by=", "group_by"],
    ["from=2026-13-01", "from"],
    ["from=2026-02-02&to=2026-02-01", "from"],
    ["from=2020-01-01", "from"],
    ["limit=1001", "limit"],
  ])("says what is wrong with %s", async (query, param) => {
    expectError(await call("GET", `/v1/usage?${query}`, { key }), "invalid_request", param);
  });

  it.each(["x", "%5B%5D", '["a","b"]', "[1]", "%25E0%25A4%25A"])(
    "does not take the cursor %s",
    async (cursor) => {
      expectError(await call("GET", `/v1/usage?cursor=${cursor}`, { key }), "invalid_cursor", "cursor");
    },
  );
});
