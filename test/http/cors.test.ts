import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { type Ask, call, open } from "../support/http-client";

const ORIGIN_HEADER = { origin: "https://app.example" };

function preflight(ask: Ask = {}) {
  const headers = {
    ...ORIGIN_HEADER,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,idempotency-key,prefer",
    ...ask.headers,
  };
  return open("OPTIONS", "/v1/jobs", { key: null, ...ask, headers });
}

const allowed = (response: { headers: Headers }) => response.headers.get("access-control-allow-origin");
const withOrigins = (CORS_ORIGINS: string | undefined) => ({ ...env, CORS_ORIGINS });

describe("CORS", () => {
  it("lets any origin in unless origins are named; no credentials are involved", async () => {
    for (const setting of ["*", undefined, " * ", "https://other.example, *"]) {
      const response = await preflight({ env: withOrigins(setting) });
      expect(response.status).toBe(204);
      expect(allowed(response)).toBe("*");
      expect(response.headers.has("access-control-allow-credentials")).toBe(false);
    }
  });

  it("answers a preflight with what frontends need, without a key", async () => {
    const { headers } = await preflight();
    const names = (header: string) => (headers.get(header) ?? "").toLowerCase().split(/,\s*/);
    const wanted = ["authorization", "content-type", "idempotency-key", "prefer", "last-event-id"];
    expect(names("access-control-allow-headers")).toEqual(expect.arrayContaining(wanted));
    expect(names("access-control-allow-methods")).toEqual(expect.arrayContaining(["get", "post", "delete"]));
    expect(Number(headers.get("access-control-max-age"))).toBeGreaterThan(0);
  });

  it("lets scripts read the headers that say what happened", async () => {
    const { headers } = await call("GET", "/v1/jobs", { headers: ORIGIN_HEADER });
    const exposed = (headers.get("access-control-expose-headers") ?? "").toLowerCase().split(/,\s*/);
    expect(exposed).toEqual(expect.arrayContaining(["location", "retry-after", "x-request-id"]));
  });

  it("lets in the origins of the list, and no others", async () => {
    const list = withOrigins("https://app.example, https://admin.example");
    for (const origin of ["https://app.example", "https://admin.example"]) {
      const response = await preflight({ env: list, headers: { origin } });
      expect(allowed(response)).toBe(origin);
      expect(response.headers.get("vary")?.toLowerCase()).toContain("origin");
    }
    for (const origin of [
      "https://evil.example",
      "https://app.example.evil",
      "http://app.example",
      "null",
      "*",
    ]) {
      expect(allowed(await preflight({ env: list, headers: { origin } }))).toBeNull();
      expect(allowed(await call("GET", "/health", { env: list, headers: { origin } }))).toBeNull();
    }
  });

  it("is on errors too, so that frontends can read them", async () => {
    const cases: [string, string, Ask, number][] = [
      ["GET", "/v1/jobs", { key: null }, 401],
      ["GET", "/nowhere", {}, 404],
      ["PUT", "/v1/jobs", {}, 405],
      ["POST", "/v1/jobs", { text: "{", headers: { "content-type": "application/json" } }, 400],
      ["GET", "/health", { env: { ...env, ROOT_KEY: undefined } }, 503],
    ];
    for (const [method, path, ask, status] of cases) {
      const answer = await call(method, path, { ...ask, headers: { ...ask.headers, ...ORIGIN_HEADER } });
      expect([answer.status, allowed(answer)]).toEqual([status, "*"]);
    }
  });

  it("is on event streams too", async () => {
    const response = await open("GET", "/v1/events?channel=cors", { headers: ORIGIN_HEADER });
    expect(allowed(response)).toBe("*");
    await response.body?.cancel();
  });
});
