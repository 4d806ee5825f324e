// Addresses that no client of good will asks for: they lead to 404, and odd queries break nothing.

import { beforeAll, describe, expect, it } from "vitest";
import { type Answer, call, expectError, JOB_ROUTES, later, open, submit } from "../support/http-client";

// So that there is something to list.
beforeAll(async () => {
  await submit(later({ channel: "odd", tags: ["odd"] }));
});

describe("odd addresses", () => {
  const ODD = [
    "x",
    "job_",
    "%00",
    "%",
    "%zz",
    "%E0%A4%A",
    "%ff",
    "..%2f..%2fetc%2fpasswd",
    "job_01KAM2T2Q5W4R0E8Z6S3N7Y9XB%00",
    "job_01KAM2T2Q5W4R0E8Z6S3N7Y9XB%0a",
    "job_01kam2t2q5w4r0e8z6s3n7y9xb",
    "'; DROP TABLE jobs; --",
    "%F0%9F%92%A5",
    "constructor",
    "__proto__",
    "*",
    "{id}",
    ":id",
    "a".repeat(5_000),
  ];

  it.each(ODD)("lead to 404 on every route of a job: %j", async (id) => {
    for (const [method, rest] of JOB_ROUTES) {
      expectError(await call(method, `/v1/jobs/${id}${rest}`), "not_found");
    }
  });

  it.each(ODD)("lead to 404 on every route of a project or key: %j", async (id) => {
    for (const [method, path] of [
      ["DELETE", `/v1/projects/${id}`],
      ["GET", `/v1/projects/${id}/keys`],
      ["POST", `/v1/projects/${id}/keys`],
      ["DELETE", `/v1/projects/default/keys/${id}`],
      ["PUT", `/v1/projects/${id}/budget`],
      ["DELETE", `/v1/projects/${id}/budget`],
      ["PUT", `/v1/projects/default/keys/${id}/budget`],
      ["DELETE", `/v1/projects/default/keys/${id}/budget`],
    ] as const) {
      const json = { POST: {}, PUT: { tokens_per_day: 1 }, GET: undefined, DELETE: undefined }[method];
      expectError(await call(method, path, { json }), "not_found");
    }
  });

  it.each([
    "/v1",
    "/v1/",
    "/v1/jobs/",
    "//v1/jobs",
    "/v1//jobs",
    "/V1/jobs",
    "/v1/jobs/x/y/z",
    "/v2/jobs",
    "/favicon.ico",
    "/.env",
    "/%00",
  ])("lead to 404 with a pointer to the docs: %s", async (path) => {
    const error = expectError(await call("GET", path), "not_found");
    expect(error.message).toContain("/docs");
  });

  it.each(["state", "task", "channel", "tag", "limit", "cursor", "since", "token", "unknown"])(
    "with %s in them, odd or very long, never break anything",
    async (name) => {
      for (const value of [
        "%00",
        "%",
        "%ff",
        "%ED%A0%80",
        "a&b=c",
        "[]",
        "x".repeat(14_000),
        "%F0%9F%92%A5".repeat(500),
      ]) {
        for (const path of ["/v1/jobs", "/v1/events", "/health", "/v1/jobs/x/events"]) {
          expectOurs(await listed(`${path}?${name}=${value}`));
          expectOurs(await listed(`${path}?${name}=${value}&${name}=2&${name}[]=3`));
        }
      }
    },
  );

  async function listed(path: string): Promise<Answer<unknown>> {
    const response = await open("GET", path);
    const stream = response.headers.get("content-type")?.startsWith("text/event-stream");
    if (stream) await response.body?.cancel();
    const text = stream ? "{}" : await response.text();
    return { status: response.status, headers: response.headers, text, body: JSON.parse(text) };
  }

  function expectOurs(answer: Answer<unknown>): void {
    expect(answer.status, answer.text).toBeLessThan(500);
    expect(answer.headers.get("x-request-id")).not.toBeNull();
    if (answer.status >= 400) expect(answer.body).toHaveProperty("error.code");
  }
});
