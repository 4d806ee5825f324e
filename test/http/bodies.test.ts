import { describe, expect, it } from "vitest";
import { LIMITS } from "../../src/core/limits";
import { call, expectError, later } from "../support/http-client";

const JSON_TYPE = { "content-type": "application/json" };
const ROUTES = ["/v1/jobs", "/v1/jobs/bulk", "/v1/tokens", "/v1/projects", "/v1/projects/default/keys"];
const JOB = "job_01KAM2T2Q5W4R0E8Z6S3N7Y9XB";

function post(path: string, text: BodyInit, headers: Record<string, string> = JSON_TYPE) {
  return call("POST", path, { text, headers });
}

/** As a client sends it that does not know the length: in chunks. */
function chunked(text: string): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.byteLength) return controller.close();
      controller.enqueue(bytes.slice(at, at + 65_536));
      at += 65_536;
    },
  });
}

describe("a body that is not JSON", () => {
  it.each([
    "{",
    "}",
    "{'a': 1}",
    '{"a": 1,}',
    '{"a": NaN}',
    "undefined",
    "[1",
    '{"a": "\n"}',
    "\u0000",
    "{}{}",
    '"\\x"',
  ])("is invalid_json on every route: %j", async (text) => {
    for (const path of ROUTES) expectError(await post(path, text), "invalid_json");
  });

  it("is invalid_json when it is not UTF-8 where it counts", async () => {
    expectError(await post("/v1/jobs", new Uint8Array([0xff, 0xfe, 0x7b])), "invalid_json");
  });

  it.each(["null", "[]", '"text"', "7", "true", "[[]]"])(
    "is refused when it is JSON but no object: %s",
    async (text) => {
      for (const path of ROUTES) {
        const error = expectError(await post(path, text), "invalid_request", "body");
        expect(error.message).toContain("expected object");
      }
    },
  );

  it("is refused when it is empty, with a type or without", async () => {
    for (const path of ROUTES) {
      expect((await post(path, "")).status).toBe(400);
      expect((await call("POST", path)).status).toBe(400);
    }
  });

  it("is refused when its length is nothing but space", async () => {
    expectError(await post("/v1/jobs", "  \n "), "invalid_json");
  });
});

describe("the type of a body", () => {
  it.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonp",
    "json",
    "*/*",
    "text/json",
  ])("is refused with 415: %s", async (type) => {
    for (const path of ROUTES) {
      const error = expectError(await post(path, "{}", { "content-type": type }), "unsupported_media_type");
      expect(error.message).toContain("application/json");
    }
  });

  it.each([
    "application/json",
    "application/json; charset=utf-8",
    "Application/JSON",
    "application/json ; charset=UTF-8",
    "application/json;",
  ])("is taken: %s", async (type) => {
    const answer = await post("/v1/jobs", JSON.stringify(later()), { "content-type": type });
    expect(answer.status, answer.text).toBe(202);
  });

  it("is refused when it is missing", async () => {
    const bytes = new TextEncoder().encode(JSON.stringify(later()));
    expectError(await post("/v1/jobs", bytes, {}), "unsupported_media_type");
  });

  it("is no matter where no body is wanted and none is sent", async () => {
    for (const action of ["cancel", "retry"]) {
      expectError(await call("POST", `/v1/jobs/${JOB}/${action}`), "not_found");
      expectError(await post(`/v1/jobs/${JOB}/${action}`, ""), "not_found");
      expectError(await post(`/v1/jobs/${JOB}/${action}`, "{}"), "not_found");
    }
  });
});

describe("the size of a body", () => {
  const over = (bytes: number) => JSON.stringify({ task: "x".repeat(bytes) });

  it.each([
    ["/v1/jobs", LIMITS.jobBodyBytes],
    ["/v1/jobs/bulk", LIMITS.bulkBodyBytes],
    ["/v1/tokens", LIMITS.smallBodyBytes],
    ["/v1/projects", LIMITS.smallBodyBytes],
    [`/v1/jobs/${JOB}/cancel`, LIMITS.smallBodyBytes],
  ])("is bounded, announced or in chunks: POST %s %i bytes", async (path, limit) => {
    for (const body of [over(limit), chunked(over(limit))]) {
      const error = expectError(await post(path, body), "payload_too_large");
      expect(error.message).toContain(String(limit));
    }
    const fits = `{}${" ".repeat(limit - 2)}`;
    for (const body of [fits, chunked(fits)]) {
      expect((await post(path, body)).status).not.toBe(413);
    }
  });

  it("counts bytes and not characters", async () => {
    const text = JSON.stringify({ task: "é".repeat(LIMITS.jobBodyBytes / 2) });
    expect(text.length).toBeLessThan(LIMITS.jobBodyBytes);
    expectError(await post("/v1/jobs", chunked(text)), "payload_too_large");
  });

  it("lets an input have 1,000,000 bytes, and not one more", async () => {
    const around = JSON.stringify({ prompt: "" }).length;
    const body = (bytes: number) => later({ input: { prompt: "x".repeat(bytes - around) } });
    const answer = await call("POST", "/v1/jobs", { json: body(LIMITS.inputBytes) });
    expect(answer.status, answer.text).toBe(202);
    expectError(
      await call("POST", "/v1/jobs", { json: body(LIMITS.inputBytes + 1) }),
      "payload_too_large",
      "input",
    );
    const jobs = [later(), body(LIMITS.inputBytes + 1)];
    expectError(
      await call("POST", "/v1/jobs/bulk", { json: { jobs } }),
      "payload_too_large",
      "jobs[1].input",
    );
  });

  it("counts an input as UTF-8", async () => {
    const input = { prompt: "€".repeat(LIMITS.inputBytes / 3) };
    expectError(await call("POST", "/v1/jobs", { json: later({ input }) }), "payload_too_large", "input");
  });

  it("lets metadata have 16 KB", async () => {
    const around = JSON.stringify({ a: "" }).length;
    const metadata = { a: "x".repeat(LIMITS.metadataBytes - around) };
    const answer = await call("POST", "/v1/jobs", { json: later({ metadata }) });
    expect(answer.body.metadata).toEqual(metadata);
  });
});

describe("the depth of a body", () => {
  // The body, its metadata, and the lists in it.
  const nested = (levels: number) =>
    JSON.stringify(later()).replace(
      "{",
      `{"metadata":{"a":${"[".repeat(levels - 2)}${"]".repeat(levels - 2)}},`,
    );

  it("may be 64, and comes back whole", async () => {
    const answer = await post("/v1/jobs", nested(64));
    expect(answer.status, answer.text).toBe(202);
    const { body } = await call("GET", `/v1/jobs/${answer.body.id}`);
    expect(JSON.stringify(body.metadata)).toBe(`{"a":${"[".repeat(62)}${"]".repeat(62)}}`);
  });

  it.each([65, 1_000, 20_000])("is refused at %i", async (levels) => {
    expectError(await post("/v1/jobs", nested(levels)), "invalid_json");
  });

  it("does not count brackets inside of strings", async () => {
    const answer = await call("POST", "/v1/jobs", { json: later({ metadata: { a: '[{"\\'.repeat(500) } }) });
    expect(answer.status, answer.text).toBe(202);
  });

  it("may be 64 with a key, whose hash looks at all of it", async () => {
    const headers = { ...JSON_TYPE, "idempotency-key": "deep" };
    const [first, second] = [
      await post("/v1/jobs", nested(64), headers),
      await post("/v1/jobs", nested(64), headers),
    ];
    expect([first.status, second.status]).toEqual([202, 200]);
  });
});

describe("a large body", () => {
  it.each(["/v1/jobs", "/v1/jobs/bulk"])("of a stranger is not read: POST %s", async (path) => {
    let read = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        read += 65_536;
        controller.enqueue(new Uint8Array(65_536));
      },
    });
    const answer = await call("POST", path, { text: endless, headers: JSON_TYPE, key: "errand_nobody" });
    expectError(answer, "unauthorized");
    expect(read).toBeLessThan(1_000_000);
  });
});
