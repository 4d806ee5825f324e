import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { createDeps } from "../../src/deps";
import { readApiConfig } from "../../src/env";
import { identify } from "../../src/http/middleware/authenticate";
import { wrapDb } from "../support/faulty-db";
import {
  call,
  createKey,
  createProject,
  expectError,
  generate,
  mint,
  ROOT_KEY,
  submit,
} from "../support/http-client";

/** An API with a clock that the test moves and a database whose calls it sees. */
function apiAt(start: number) {
  const { db, calls, fail } = wrapDb(env.DB);
  let time = start;
  const deps = { ...createDeps(env, createExecutionContext()), db, now: () => time };
  return {
    calls,
    fail,
    pass: (ms: number) => {
      time += ms;
    },
    identify: (key: string) => identify(deps, readApiConfig(env), key),
  };
}

async function revoke(project: string): Promise<void> {
  const { body } = await call<{ data: { id: string }[] }>("GET", `/v1/projects/${project}/keys`);
  for (const { id } of body.data) await call("DELETE", `/v1/projects/${project}/keys/${id}`);
}

describe("authentication", () => {
  it("costs one database read for a key, and none while it is warm", async () => {
    const key = await createProject("warm");
    const api = apiAt(Date.now());
    expect(await api.identify(key)).toEqual({
      kind: "key",
      projectId: "warm",
      keyId: expect.stringMatching(/^key_/),
      scopes: ["jobs:read", "jobs:write"],
    });
    expect(api.calls).toHaveLength(1);
    for (let i = 0; i < 5; i++) await api.identify(key);
    expect(api.calls).toHaveLength(1);
  });

  it("costs none for the root key and for tokens", async () => {
    const token = await mint({ channel: "c", allow: ["read"] });
    const api = apiAt(Date.now());
    expect(await api.identify(ROOT_KEY)).toEqual({
      kind: "root",
      projectId: "default",
      keyId: null,
      scopes: ["admin"],
    });
    expect(await api.identify(token)).toMatchObject({ kind: "token", channel: "c", allow: ["read"] });
    expect(api.calls).toEqual([]);
  });

  it("lets a warm submit make a single call to the database: the insert", async () => {
    const key = await createProject("single");
    const { db, calls } = wrapDb(env.DB);
    const ask = { key, env: { ...env, DB: db } };
    await submit(generate({ delay_s: 60 }), ask);
    calls.length = 0;
    await submit(generate({ delay_s: 60 }), ask);
    expect(calls.map(({ sqls }) => sqls.map((sql) => sql.slice(0, 16)))).toEqual([["INSERT INTO jobs"]]);
  });

  it("lets a revoked key live for less than 30 seconds", async () => {
    const key = await createProject("revoked");
    const api = apiAt(Date.now());
    await api.identify(key);
    await revoke("revoked");
    expect(await api.identify(key)).toMatchObject({ projectId: "revoked" });
    api.pass(29_999);
    await expect(api.identify(key)).rejects.toMatchObject({ code: "unauthorized" });
  });

  it("does not prolong a key's life by using it", async () => {
    const key = await createProject("used");
    const api = apiAt(Date.now());
    await api.identify(key);
    await revoke("used");
    for (let i = 0; i < 29; i++) {
      api.pass(1_000);
      await api.identify(key).catch(() => null);
    }
    await expect(api.identify(key)).rejects.toMatchObject({ code: "unauthorized" });
  });

  it("remembers an unknown key for a moment only, so that a new key works within seconds", async () => {
    const key = await createProject("new-key");
    const { results } = await env.DB.prepare("SELECT * FROM api_keys WHERE project_id = 'new-key'").all();
    await env.DB.prepare("DELETE FROM api_keys WHERE project_id = 'new-key'").run();
    const api = apiAt(Date.now());
    await expect(api.identify(key)).rejects.toMatchObject({ code: "unauthorized" });
    await expect(api.identify(key)).rejects.toMatchObject({ code: "unauthorized" });
    expect(api.calls).toHaveLength(1);
    const columns = Object.keys(results[0] ?? {});
    const sql = `INSERT INTO api_keys (${columns.join()}) VALUES (${columns.map(() => "?").join()})`;
    await env.DB.prepare(sql)
      .bind(...Object.values(results[0] ?? {}))
      .run();
    api.pass(5_001);
    expect(await api.identify(key)).toMatchObject({ projectId: "new-key" });
  });

  it("does not remember that the database was away", async () => {
    const key = await createProject("away");
    const api = apiAt(Date.now());
    api.fail(1);
    await expect(api.identify(key)).rejects.toMatchObject({ code: "store_unavailable" });
    expect(await api.identify(key)).toMatchObject({ projectId: "away" });
  });

  it("keeps the memory of keys bounded: the oldest is forgotten", async () => {
    const key = await createProject("bounded");
    const api = apiAt(Date.now());
    await api.identify(key);
    for (let i = 0; i < 2_000; i += 100) {
      await Promise.all(
        Array.from({ length: 100 }, (_, j) => api.identify(`wrong-${i + j}`).catch(() => null)),
      );
    }
    const before = api.calls.length;
    await api.identify(key);
    expect(api.calls.length).toBe(before + 1);
  });

  it("works with a root key that has dots in it, which no address takes", async () => {
    const dotted = { ...env, ROOT_KEY: "eyJ.dotted.root.key-of-good-length" };
    const good = await call("GET", "/v1/projects", { key: dotted.ROOT_KEY, env: dotted });
    expect(good.status).toBe(200);
    const query = `/v1/events?channel=c&token=${dotted.ROOT_KEY}`;
    expectError(await call("GET", query, { key: null, env: dotted }), "unauthorized");
  });
});

describe("a request without a good key is 401, and says how to send one", () => {
  it.each([
    ["no header", {}],
    ["an empty header", { authorization: "" }],
    ["no scheme", { authorization: ROOT_KEY }],
    ["another scheme", { authorization: `Basic ${btoa(`x:${ROOT_KEY}`)}` }],
    ["a scheme alone", { authorization: "Bearer" }],
    ["a scheme and spaces", { authorization: "Bearer   " }],
    ["two words", { authorization: `Bearer ${ROOT_KEY} ${ROOT_KEY}` }],
    ["a key that is a part of the right one", { authorization: `Bearer ${ROOT_KEY.slice(0, -1)}` }],
    ["a key with something behind it", { authorization: `Bearer ${ROOT_KEY}0` }],
    ["a key in another case", { authorization: `Bearer ${ROOT_KEY.toUpperCase()}` }],
    ["a huge key", { authorization: `Bearer ${"k".repeat(8_000)}` }],
    ["a key in another header", { "x-api-key": ROOT_KEY }],
  ])("%s", async (_, headers) => {
    const answer = await call("GET", "/v1/jobs", { key: null, headers });
    const error = expectError(answer, "unauthorized");
    expect(error.message).toMatch(/key/);
  });

  it("takes the scheme in any case, as RFC 9110 wants", async () => {
    for (const scheme of ["bearer", "BEARER", "Bearer  "]) {
      const headers = { authorization: `${scheme} ${ROOT_KEY}` };
      expect((await call("GET", "/v1/jobs", { key: null, headers })).status).toBe(200);
    }
  });

  it("names the scope that a key lacks", async () => {
    await createProject("scoped");
    const key = await createKey("scoped", ["jobs:read"]);
    const error = expectError(await call("POST", "/v1/jobs", { key, json: generate() }), "forbidden");
    expect(error.message).toContain("jobs:write");
  });
});
