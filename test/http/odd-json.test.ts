// Bodies that are JSON but odd, in prototypes, numbers, names and instants: taken or refused, and nothing breaks.

import { describe, expect, it } from "vitest";
import { call, expectError, later, trySubmit } from "../support/http-client";

const JSON_TYPE = { "content-type": "application/json" };

describe("odd JSON", () => {
  const raw = (text: string) => call("POST", "/v1/jobs", { text, headers: JSON_TYPE });
  const body = JSON.stringify(later());

  it("cannot reach the prototype of anything", async () => {
    const spoiled = [
      body.replace("{", '{"__proto__": {"admin": true},'),
      body.replace("{", '{"metadata": {"__proto__": {"a": 1}, "constructor": {"prototype": {"b": 1}}},'),
      body.replace('"prompt"', '"__proto__": {"model": "x"}, "prompt"'),
    ];
    for (const text of spoiled) {
      const answer = await raw(text);
      expect([202, 400, 422]).toContain(answer.status);
    }
    const clean: Record<string, unknown> = {};
    expect([clean.admin, clean.a, clean.b, clean.model]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it.each(["1e400", "-1e400", "1e-400", "9007199254740993", "0.1e1", "-0", "1".repeat(400)])(
    "takes or refuses the number %s, and does not break",
    async (number) => {
      for (const field of ["priority", "delay_s", "expires_in_s", "max_attempts", "timeout_s"]) {
        const answer = await raw(
          body.replace(/"delay_s":\d+/, `"${field}":${number},"run_at":"2099-01-01T00:00:00Z"`),
        );
        expect([202, 400], answer.text).toContain(answer.status);
        if (answer.status === 400) expectError(answer, "invalid_request");
      }
      const answer = await raw(body.replace("{", `{"metadata":{"n":${number}},`));
      expect(answer.status, answer.text).toBe(202);
    },
  );

  it("takes the last of two equal names, as JSON.parse does", async () => {
    const answer = await raw(body.replace("{", '{"priority":1,"priority":2,'));
    expect(answer.body.priority).toBe(2);
  });

  it.each(["9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "2099-01-01T00:00:00.123456789Z"])(
    "takes the far or odd instant %s",
    async (run_at) => {
      const { task, input } = later();
      const answer = await trySubmit({ task, input: { ...input, model: "sandbox/chat" }, run_at });
      expect(answer.status, answer.text).toBe(202);
      const seen = await call("GET", `/v1/jobs/${answer.body.id}`);
      expect(Date.parse(seen.body.run_at)).not.toBeNaN();
    },
  );

  it.each([
    "10000-01-01T00:00:00Z",
    "+010000-01-01T00:00:00Z",
    "2099-13-01T00:00:00Z",
    "2099-01-01T25:00:00Z",
    "now",
    "",
    "2099-01-01",
  ])("refuses the instant %j", async (run_at) => {
    const { task, input } = later();
    expectError(await trySubmit({ task, input, run_at }), "invalid_request", "run_at");
  });

  it.each([0, 0.0001, 0.5, 1e-300])(
    "takes the delay %d to the millisecond that a clock has",
    async (delay_s) => {
      const { task, input } = later();
      const answer = await trySubmit({ task, input, delay_s });
      expect(answer.status, answer.text).toBe(202);
      const seen = await call("GET", `/v1/jobs/${answer.body.id}`);
      expect(seen.body.run_at).toBe(answer.body.run_at);
    },
  );
});
