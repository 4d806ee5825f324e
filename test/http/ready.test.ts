import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Env } from "../../src/env";
import { wrapDb } from "../support/faulty-db";
import { call, expectError } from "../support/http-client";

let routes: [string, string][] = [];

beforeAll(async () => {
  type Document = { paths: Record<string, Record<string, unknown>> };
  const { body } = await call<Document>("GET", "/openapi.json", { key: null });
  routes = Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method): [string, string] => [method.toUpperCase(), path]),
  );
  routes.push(
    ["GET", "/"],
    ["GET", "/docs"],
    ["GET", "/openapi.json"],
    ["GET", "/nowhere"],
    ["PUT", "/v1/jobs"],
  );
});

const NUMBERS = ["TIMING", "RETENTION_DAYS", "MAX_OPEN_JOBS", "ENCRYPTION_KEYS"];

/** As an isolate that has seen nothing yet. */
function fresh(changes: Partial<Env> = {}): Env {
  return { ...env, DB: wrapDb(env.DB).db, ...changes };
}

describe("a Worker that is not configured", () => {
  it("answers 503 on every route, health too, and names what to set and how", async () => {
    expect(routes.length).toBeGreaterThan(20);
    for (const [method, path] of routes) {
      const json = method === "POST" ? {} : undefined;
      const answer = await call(method, path, { json, env: fresh({ ROOT_KEY: undefined }) });
      const error = expectError(answer, "not_configured");
      expect(error.message).toContain("ROOT_KEY");
      expect(error.message).toContain("npx wrangler secret put ROOT_KEY");
    }
  });

  it("names every problem at once", async () => {
    const spoiled = fresh({
      ROOT_KEY: "",
      TOKEN_SECRET: undefined,
      PROVIDERS: JSON.stringify([
        { name: "OpenAI", base_url: "nowhere", models: [{ name: "gpt", kind: "chatty" }], colour: "red" },
      ]),
      MODEL_ALIASES: "[1]",
      SANDBOX: "yes",
      LOCAL_URLS: "true",
      TIMING: '{"lease_s": 0, "nap_s": 1}',
      RETENTION_DAYS: "-1",
      MAX_OPEN_JOBS: "many",
      ENCRYPTION_KEYS: "k1:short",
    });
    const { message } = expectError(await call("GET", "/health", { env: spoiled }), "not_configured");
    const places = [
      "PROVIDERS[0].name",
      "PROVIDERS[0].base_url",
      "PROVIDERS[0].models[0].kind",
      "PROVIDERS[0].colour",
    ];
    for (const part of [
      "ROOT_KEY",
      "TOKEN_SECRET",
      ...places,
      "MODEL_ALIASES",
      "SANDBOX",
      "LOCAL_URLS",
      ...NUMBERS,
    ]) {
      expect(message).toContain(part);
    }
  });

  it.each([
    ["PROVIDERS", { PROVIDERS: "{" }],
    ["PROVIDERS", { PROVIDERS: "{}" }],
    ["MODEL_ALIASES", { MODEL_ALIASES: "{" }],
    ["ROOT_KEY", { ROOT_KEY: "short" }],
    ["TOKEN_SECRET", { TOKEN_SECRET: "fifteen chars.." }],
  ])("names %s when it is the only problem: %j", async (name, change) => {
    const { message } = expectError(await call("GET", "/", { env: fresh(change) }), "not_configured");
    expect(message).toContain(name);
    const others = ["ROOT_KEY", "TOKEN_SECRET", "PROVIDERS", "MODEL_ALIASES", "SANDBOX"].filter(
      (one) => one !== name,
    );
    for (const other of others) expect(message).not.toContain(other);
  });

  it("does not repeat a secret in its answer", async () => {
    const answer = await call("GET", "/", { env: fresh({ ROOT_KEY: "hunter2", TOKEN_SECRET: "hunter3" }) });
    expectError(answer, "not_configured");
    expect(answer.text).not.toContain("hunter");
  });
});

describe("a Worker whose database is not migrated", () => {
  const rename = (from: string, to: string) => env.DB.prepare(`ALTER TABLE ${from} RENAME TO ${to}`).run();
  let mend = async (): Promise<unknown> => undefined;

  afterEach(() => mend());

  it("answers 503 on every route, with the command to run, until the migrations are applied", async () => {
    await rename("d1_migrations", "hidden");
    mend = () => rename("hidden", "d1_migrations");
    const cold = fresh();
    for (const [method, path] of routes) {
      const answer = await call(method, path, { json: method === "POST" ? {} : undefined, env: cold });
      const error = expectError(answer, "not_migrated");
      expect(error.message).toContain("npx wrangler d1 migrations apply errand");
    }
    await mend();
    mend = async () => undefined;
    expect((await call("GET", "/health", { env: cold })).status).toBe(200);
  });

  it("answers so too when only the newest migration is missing", async () => {
    const { results } = await env.DB.prepare("SELECT * FROM d1_migrations ORDER BY id DESC LIMIT 1").all();
    const newest = results[0] ?? {};
    await env.DB.prepare("DELETE FROM d1_migrations WHERE id = ?").bind(newest.id).run();
    mend = () => {
      const marks = Object.keys(newest).map(() => "?");
      const sql = `INSERT INTO d1_migrations (${Object.keys(newest).join()}) VALUES (${marks.join()})`;
      return env.DB.prepare(sql)
        .bind(...Object.values(newest))
        .run();
    };
    expectError(await call("GET", "/v1/jobs", { env: fresh() }), "not_migrated");
  });

  it("is asked once: after that an isolate knows", async () => {
    mend = async () => undefined;
    const { db, calls } = wrapDb(env.DB);
    const warm = { ...env, DB: db };
    for (let i = 0; i < 3; i++) await call("GET", "/openapi.json", { key: null, env: warm });
    expect(calls).toHaveLength(1);
  });
});

describe("every answer", () => {
  it("carries a request id of its own, errors too", async () => {
    const paths = ["/", "/health", "/v1/jobs", "/v1/jobs/x", "/nowhere", "/docs"];
    const answers = await Promise.all(paths.map((path) => call("GET", path)));
    const ids = answers.map((answer) => answer.headers.get("x-request-id"));
    expect(ids.every(Boolean)).toBe(true);
    expect(new Set(ids).size).toBe(paths.length);
  });

  it("carries Cloudflare's ray id where there is one", async () => {
    const answer = await call("GET", "/v1/jobs/x", { headers: { "cf-ray": "8f1e-FRA" } });
    expect(expectError(answer, "not_found").request_id).toBe("8f1e-FRA");
  });
});
