import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import {
  call,
  createKey,
  createProject,
  expectError,
  finish,
  generate,
  later,
  mint,
  submit,
  untilState,
} from "../support/http-client";

type Budget = {
  project: string;
  key: string | null;
  jobs_per_minute: number | null;
  tokens_per_day: number | null;
  usd_per_day: number | null;
  usd_per_month: number | null;
  use: Record<string, { spent: number; reserved: number; resets_at: string }>;
};
type Budgets = { data: Budget[] };

const budgetOf = (project: string, key?: string) =>
  `/v1/projects/${project}${key ? `/keys/${key}` : ""}/budget`;

async function set(path: string, json: Record<string, unknown>): Promise<Budget> {
  const answer = await call<Budget>("PUT", path, { json });
  expect(answer.status, answer.text).toBe(200);
  return answer.body;
}

async function keyIdOf(project: string): Promise<string> {
  const { body } = await call<{ data: { id: string }[] }>("GET", `/v1/projects/${project}/keys`);
  return body.data.at(-1)?.id ?? "";
}

describe("a budget", () => {
  it("is set by the root key and seen by the project, with what is spent of it", async () => {
    const key = await createProject("seen", ["jobs:read", "jobs:write"]);
    const limits = {
      jobs_per_minute: 1_000,
      tokens_per_day: 100_000,
      usd_per_day: 0.5,
      usd_per_month: 12.34,
    };
    await set(budgetOf("seen"), limits);
    await finish(generate(), { key });
    const { body } = await call<Budgets>("GET", "/v1/budgets", { key });
    expect(body.data).toMatchObject([{ object: "budget", project: "seen", key: null, ...limits }]);
    const use = body.data[0]?.use;
    expect(use?.tokens_per_day?.spent).toBeGreaterThan(0);
    expect(use?.tokens_per_day?.reserved).toBe(0);
    const midnight = new Date(new Date().setUTCHours(24, 0, 0, 0)).toISOString();
    expect(use?.usd_per_day?.resets_at).toBe(midnight);
    expect(use?.usd_per_month?.resets_at).toMatch(/-01T00:00:00.000Z$/);
  });

  it("is replaced as a whole: a limit that is left out, or null, is none", async () => {
    await createProject("replaced");
    await set(budgetOf("replaced"), { tokens_per_day: 5, usd_per_day: 1 });
    const changed = await set(budgetOf("replaced"), { usd_per_month: 2, usd_per_day: null });
    expect(changed).toMatchObject({ tokens_per_day: null, usd_per_day: null, usd_per_month: 2 });
  });

  it("must have a limit, and none that is not one", async () => {
    await createProject("strict");
    const wrong = [
      {},
      { tokens_per_day: null },
      { tokens_per_day: 0 },
      { usd_per_day: -1 },
      { jobs_per_minute: 1.5 },
    ];
    for (const json of [...wrong, { tokens_per_week: 1 }]) {
      expectError(await call("PUT", budgetOf("strict"), { json }), "invalid_request");
    }
  });

  it("of a project or key that is not there is the same 404 as of another's", async () => {
    await createProject("one");
    await createProject("two");
    const key = await keyIdOf("two");
    const json = { tokens_per_day: 1 };
    for (const path of [budgetOf("none"), budgetOf("one", key), budgetOf("one", "key_none")]) {
      expectError(await call("PUT", path, { json }), "not_found");
      expectError(await call("DELETE", path), "not_found");
    }
    const own = await createKey("one", ["admin"]);
    expectError(await call("GET", "/v1/budgets?project=two", { key: own }), "not_found");
    expectError(await call("GET", "/v1/budgets?project=none"), "not_found");
  });

  it("goes with its project", async () => {
    const key = await createProject("gone");
    await set(budgetOf("gone"), { tokens_per_day: 1_000_000 });
    await finish(generate({ tags: ["a"] }), { key });
    await call("DELETE", "/v1/projects/gone");
    await vi.waitFor(async () => {
      for (const table of ["budgets", "usage_days", "ledger"]) {
        const sql = `SELECT COUNT(*) AS count FROM ${table} WHERE project_id = 'gone'`;
        expect(await env.DB.prepare(sql).first("count"), table).toBe(0);
      }
    });
  });
});

describe("jobs over a budget", () => {
  it("wait, run by themselves when it is raised, and when it is taken away", async () => {
    const key = await createProject("tight");
    await set(budgetOf("tight"), { tokens_per_day: 1 });
    await finish(generate(), { key });
    const first = await submit(generate(), { key });
    await vi.waitFor(async () => {
      const sql = "SELECT wake_at FROM budgets WHERE project_id = 'tight'";
      expect(await env.DB.prepare(sql).first("wake_at")).not.toBeNull();
    });
    expect((await call("GET", `/v1/jobs/${first.id}`, { key })).body).toMatchObject({
      state: "pending",
      run: 0,
    });
    // Without the clock: its job is rung by the request itself.
    const clock = { arm: async () => 120_000, armFor: async () => {} };
    const CLOCK = { getByName: () => clock } as unknown as typeof env.CLOCK;
    const json = { tokens_per_day: 1_000_000 };
    expect((await call("PUT", budgetOf("tight"), { json, env: { ...env, CLOCK } })).status).toBe(200);
    const sql = "SELECT position FROM budgets WHERE project_id = 'tight'";
    expect(await env.DB.prepare(sql).first("position")).toBe(first.id);
    await untilState(first.id, "completed", { key });

    await set(budgetOf("tight"), { tokens_per_day: 1 });
    const second = await submit(generate(), { key });
    expect((await call("DELETE", budgetOf("tight"))).status).toBe(204);
    await untilState(second.id, "completed", { key });
    await vi.waitFor(async () => {
      expect((await call<Budgets>("GET", "/v1/budgets", { key })).body.data).toEqual([]);
    });
  });
});

describe("a key's budget", () => {
  it("counts what the key submits, and what the tokens do that it has minted", async () => {
    await createProject("keyed");
    const key = await createKey("keyed", ["admin"]);
    const id = await keyIdOf("keyed");
    await set(budgetOf("keyed", id), { tokens_per_day: 1_000_000 });
    const spent = async () => {
      const { body } = await call<Budgets>("GET", "/v1/budgets", { key });
      return body.data.find((one) => one.key === id)?.use.tokens_per_day?.spent ?? 0;
    };
    await finish(generate(), { key: await createKey("keyed") });
    expect(await spent()).toBe(0);
    await finish(generate(), { key });
    const once = await spent();
    expect(once).toBeGreaterThan(0);
    const token = await mint({ channel: "c", allow: ["read", "submit"] }, key);
    const done = await finish(generate(), { key: token });
    expect(await spent()).toBe(2 * once);
    // A copy of a completed job is the original's.
    const copy = await call("POST", `/v1/jobs/${done.id}/retry`, { key: await createKey("keyed") });
    await untilState(copy.body.id, "completed", { key });
    expect(await spent()).toBe(3 * once);
  });
});

describe("jobs a minute", () => {
  it("beyond the limit are refused with the numbers, all or none, and say when to try again", async () => {
    const key = await createProject("minute");
    await set(budgetOf("minute"), { jobs_per_minute: 5 });
    const bulk = (count: number) => ({ jobs: Array.from({ length: count }, () => later()) });
    expect((await call("POST", "/v1/jobs/bulk", { key, json: bulk(4) })).status).toBe(202);
    const refused = await call("POST", "/v1/jobs/bulk", { key, json: bulk(2) });
    expect(expectError(refused, "quota_exceeded").message).toContain(
      "submitted 4 jobs within a minute; 5 are allowed",
    );
    const afterS = Number(refused.headers.get("retry-after"));
    expect(afterS).toBeGreaterThan(50);
    expect(afterS).toBeLessThanOrEqual(60);
    expect((await call("POST", "/v1/jobs", { key, json: later() })).status).toBe(202);
    expectError(await call("POST", "/v1/jobs", { key, json: later() }), "quota_exceeded");
    const never = await call("POST", "/v1/jobs/bulk", { key, json: bulk(6) });
    expect(expectError(never, "quota_exceeded").message).toContain("never fits");
    const sql = "SELECT COUNT(*) AS count FROM jobs WHERE project_id = 'minute'";
    expect(await env.DB.prepare(sql).first("count")).toBe(5);
  });

  it("are the limit also for requests at the same time", async () => {
    const key = await createProject("burst");
    await set(budgetOf("burst"), { jobs_per_minute: 10 });
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => call("POST", "/v1/jobs", { key, json: later() })),
    );
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(10);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(20);
  });

  it("do not count what an equal request had made before", async () => {
    const key = await createProject("repeat");
    await set(budgetOf("repeat"), { jobs_per_minute: 1 });
    const headers = { "idempotency-key": "once" };
    const json = later();
    expect((await call("POST", "/v1/jobs", { key, json, headers })).status).toBe(202);
    expect((await call("POST", "/v1/jobs", { key, json, headers })).status).toBe(200);
    expectError(await call("POST", "/v1/jobs", { key, json }), "quota_exceeded");
  });

  it("of one key are not those of another", async () => {
    await createProject("keys");
    const slow = await createKey("keys");
    await set(budgetOf("keys", await keyIdOf("keys")), { jobs_per_minute: 1 });
    const quick = await createKey("keys");
    for (let i = 0; i < 3; i++) await submit(later(), { key: quick });
    await submit(later(), { key: slow });
    const refused = await call("POST", "/v1/jobs", { key: slow, json: later() });
    expect(expectError(refused, "quota_exceeded").message).toContain("This key has");
  });
});

describe("a model without a price", () => {
  const models = [{ name: "unpriced", kind: "chat" }];
  const PROVIDERS = JSON.stringify([{ name: "acme", base_url: "https://acme.test/v1", models }]);
  const unpriced = later({ input: { prompt: "Hi", model: "acme/unpriced" } });

  it("is refused where dollars are counted, by name and with the fix, in a list by its place", async () => {
    const key = await createProject("dollars");
    await set(budgetOf("dollars"), { usd_per_month: 1 });
    const one = await call("POST", "/v1/jobs", { key, json: unpriced, env: { ...env, PROVIDERS } });
    const error = expectError(one, "price_unknown", "input.model");
    expect(error.message).toMatch(/"acme\/unpriced".*`price` in PROVIDERS/);
    const json = { jobs: [later(), unpriced] };
    const list = await call("POST", "/v1/jobs/bulk", { key, json, env: { ...env, PROVIDERS } });
    expect(expectError(list, "price_unknown", "jobs[1].input.model").errors?.[0]?.index).toBe(1);
  });

  it("is taken where only tokens are", async () => {
    const key = await createProject("tokens");
    await set(budgetOf("tokens"), { tokens_per_day: 1 });
    expect((await call("POST", "/v1/jobs", { key, json: unpriced, env: { ...env, PROVIDERS } })).status).toBe(
      202,
    );
  });
});
