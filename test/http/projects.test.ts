import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { call, createKey, createProject, expectError, later, mint, submit } from "../support/http-client";
import { theRow } from "../support/rows";

type Project = { id: string; object: string; name: string; created_at: string };
type Key = Project & { project: string; hint: string; scopes: string[]; key?: string };
type Many<T> = { object: string; data: T[] };

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describe("projects", () => {
  it("are created with 201, listed, and deleted with 202", async () => {
    const created = await call<Project>("POST", "/v1/projects", {
      json: { id: "acme", name: "Acme & Söhne" },
    });
    expect(created.status).toBe(201);
    const project = {
      id: "acme",
      object: "project",
      name: "Acme & Söhne",
      retention_s: null,
      weight: 1,
      created_at: expect.stringMatching(INSTANT),
    };
    expect(created.body).toEqual(project);
    const listed = await call<Many<Project>>("GET", "/v1/projects");
    expect(Object.keys(listed.body).sort()).toEqual(["data", "object"]);
    expect(listed.body.object).toBe("list");
    expect(listed.body.data).toContainEqual(created.body);
    expect(listed.body.data.map(({ id }) => id)).toContain("default");
    const deleted = await call("DELETE", "/v1/projects/acme");
    expect(deleted.status).toBe(202);
    expectError(await call("DELETE", "/v1/projects/acme"), "not_found");
    const after = await call<Many<Project>>("GET", "/v1/projects");
    expect(after.body.data.map(({ id }) => id)).not.toContain("acme");
  });

  it("say how long their ended jobs are kept, and can be told otherwise", async () => {
    const made = await call<Project>("POST", "/v1/projects", { json: { id: "kept", retention_s: 3_600 } });
    expect(made.body).toMatchObject({ id: "kept", retention_s: 3_600 });
    const change = (json: unknown) => call<Project>("PATCH", "/v1/projects/kept", { json });
    expect((await change({ name: "Kept" })).body).toMatchObject({ name: "Kept", retention_s: 3_600 });
    expect((await change({ retention_s: 60 })).body).toMatchObject({ name: "Kept", retention_s: 60 });
    expect((await change({ retention_s: null })).body).toMatchObject({ name: "Kept", retention_s: null });
    expectError(await change({ retention_s: 0 }), "invalid_request", "retention_s");
    expectError(await change({ id: "other" }), "invalid_request");
    expectError(await call("PATCH", "/v1/projects/nobody", { json: {} }), "not_found");
  });

  it("have a share of limited pools that can be changed, and is kept when something else is", async () => {
    const made = await call<Project>("POST", "/v1/projects", { json: { id: "heavy", weight: 3 } });
    expect(made.body).toMatchObject({ weight: 3 });
    const change = (json: unknown) => call<Project>("PATCH", "/v1/projects/heavy", { json });
    expect((await change({ name: "Heavy" })).body).toMatchObject({ weight: 3 });
    expect((await change({ weight: 0.5 })).body).toMatchObject({ name: "Heavy", weight: 0.5 });
    expectError(await change({ weight: 0 }), "invalid_request", "weight");
  });

  it("are called like their id unless a name is given", async () => {
    const { body } = await call<Project>("POST", "/v1/projects", { json: { id: "plain" } });
    expect(body.name).toBe("plain");
  });

  it("cannot be made twice, not even at the same time", async () => {
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => call("POST", "/v1/projects", { json: { id: "once" } })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409]);
    expectError(await call("POST", "/v1/projects", { json: { id: "once" } }), "project_exists", "id");
    expectError(await call("POST", "/v1/projects", { json: { id: "default" } }), "project_exists", "id");
  });

  it.each(["", "A", "-a", "a_b", "a b", "a/b", "a".repeat(64), "ä", "a.b"])(
    "refuse the id %j",
    async (id) => {
      const error = expectError(
        await call("POST", "/v1/projects", { json: { id } }),
        "invalid_request",
        "id",
      );
      expect(error.message).toContain("lowercase letters, digits or hyphens");
    },
  );

  it("take an id of 63 characters", async () => {
    expect((await call("POST", "/v1/projects", { json: { id: "a".repeat(63) } })).status).toBe(201);
  });

  it("are deleted with all they have, and take no jobs from then on", async () => {
    const key = await createProject("busy");
    const token = await mint({ channel: "c", allow: ["submit"] }, key);
    const job = await submit(later({ tags: ["t"] }), { key });
    const deleted = await call<{ id: string; state: string }>("DELETE", "/v1/projects/busy");
    expect(deleted.status).toBe(202);
    expect(deleted.body).toMatchObject({ object: "operation", action: "erase_project", project: "busy" });
    expect(deleted.headers.get("location")).toBe(`/v1/operations/${deleted.body.id}`);
    const operation = await call<{ state: string }>("GET", `/v1/operations/${deleted.body.id}`);
    expect(operation.body).toMatchObject({ state: "completed", changed: 1 });
    expect(await theRow(job.id)).toBeNull();
    expectError(await call("POST", "/v1/jobs", { key: token, json: later() }), "not_found");
    expectError(await call("POST", "/v1/projects", { json: { id: "busy" } }), "project_exists", "id");
    expectError(await call("DELETE", "/v1/projects/busy"), "not_found");
  });

  it("take their keys with them", async () => {
    await createProject("leaver");
    await call("DELETE", "/v1/projects/leaver");
    const { results } = await env.DB.prepare("SELECT id FROM api_keys WHERE project_id = 'leaver'").all();
    expect(results).toEqual([]);
    expectError(await call("GET", "/v1/projects/leaver/keys"), "not_found");
    expectError(await call("POST", "/v1/projects/leaver/keys", { json: {} }), "not_found");
  });

  it("include `default`, which stays", async () => {
    expectError(await call("DELETE", "/v1/projects/default"), "forbidden");
  });
});

describe("keys", () => {
  it("are shown once, in the answer that makes them", async () => {
    await createProject("once-shown");
    const json = { name: "the app", scopes: ["jobs:read", "admin", "jobs:read"] };
    const created = await call<Key>("POST", "/v1/projects/once-shown/keys", { json });
    expect(created.status).toBe(201);
    const { key, ...shown } = created.body;
    expect(key).toMatch(/^errand_[0-9a-f]{64}$/);
    expect(shown).toEqual({
      id: expect.stringMatching(/^key_[0-9A-HJKMNP-TV-Z]{26}$/),
      object: "key",
      project: "once-shown",
      name: "the app",
      hint: key?.slice(-4),
      scopes: ["jobs:read", "admin"],
      created_at: expect.stringMatching(INSTANT),
    });
    const listed = await call<Many<Key>>("GET", "/v1/projects/once-shown/keys");
    expect(listed.body.data).toContainEqual(shown);
    expect(listed.text).not.toContain(key);
  });

  it("read and write jobs unless asked otherwise, and need no name", async () => {
    await createProject("plain-keys");
    const { body } = await call<Key>("POST", "/v1/projects/plain-keys/keys", { json: {} });
    expect(body).toMatchObject({ scopes: ["jobs:read", "jobs:write"], name: null });
  });

  it("are stored as a hash: the key is nowhere in the database", async () => {
    const key = await createProject("hashed");
    await submit(later({ channel: "c", tags: ["t"] }), { key, headers: { "idempotency-key": "k" } });
    const tables = await env.DB.prepare(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
    ).all<{ name: string }>();
    expect(tables.results.map(({ name }) => name)).toContain("api_keys");
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key));
    const hex = [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    let whole = "";
    for (const { name } of tables.results) {
      whole += JSON.stringify((await env.DB.prepare(`SELECT * FROM ${name}`).all()).results);
    }
    expect(whole).toContain(hex);
    expect(whole).not.toContain(key);
    expect(whole).not.toContain(key.slice("errand_".length));
  });

  it("are all different", async () => {
    await createProject("different");
    const keys = await Promise.all(Array.from({ length: 20 }, () => createKey("different")));
    expect(new Set(keys).size).toBe(20);
  });

  it("of a project may be managed by its own admin key", async () => {
    const admin = await createProject("self", ["admin"]);
    const created = await call<Key>("POST", "/v1/projects/self/keys", {
      key: admin,
      json: { scopes: ["jobs:read"] },
    });
    expect(created.status).toBe(201);
    expect((await call<Many<Key>>("GET", "/v1/projects/self/keys", { key: admin })).body.data).toHaveLength(
      2,
    );
    const deleted = await call("DELETE", `/v1/projects/self/keys/${created.body.id}`, { key: admin });
    expect([deleted.status, deleted.text]).toEqual([204, ""]);
    expectError(
      await call("DELETE", `/v1/projects/self/keys/${created.body.id}`, { key: admin }),
      "not_found",
    );
  });

  it.each([
    [{ scopes: [] }, "scopes"],
    [{ scopes: ["jobs:delete"] }, "scopes[0]"],
    [{ scopes: "admin" }, "scopes"],
    [{ name: "" }, "name"],
    [{ name: "n".repeat(101) }, "name"],
    [{ name: "a\u0000b" }, "name"],
    [{ name: "\ud800" }, "name"],
    [{ expires: 1 }, "body"],
  ])("are not made of %j", async (json, param) => {
    expectError(await call("POST", "/v1/projects/default/keys", { json }), "invalid_request", param);
  });

  it.each(["NOPE", "a b", "..", "%00", "%2F", "nobody", "x".repeat(500)])(
    "of the project %j do not exist",
    async (project) => {
      const path = `/v1/projects/${encodeURIComponent(decodeURIComponent(project))}/keys`;
      for (const ask of [await call("GET", path), await call("POST", path, { json: {} })]) {
        expect(ask.status).toBe(404);
        expectError(ask, "not_found");
      }
    },
  );
});
