// Headers with odd values: a submit takes them or refuses them, and does not break.

import { describe, expect, it } from "vitest";
import { call, expectError, later } from "../support/http-client";

describe("odd headers", () => {
  it.each([
    ["idempotency-key", ""],
    ["idempotency-key", "ü"],
    ["idempotency-key", "a\tb"],
    ["prefer", "wait=".repeat(1_000)],
    ["prefer", ",;=,;="],
    ["last-event-id", "\u00ff"],
    ["content-length", "0"],
    ["accept", "text/html"],
    ["cf-ray", "x".repeat(1_000)],
  ])("never break a submit: %s", async (name, value) => {
    const answer = await call("POST", "/v1/jobs", { json: later(), headers: { [name]: value } });
    expect([200, 202, 400], answer.text).toContain(answer.status);
    if (answer.status === 400) expectError(answer, "invalid_request", "idempotency-key");
  });
});
