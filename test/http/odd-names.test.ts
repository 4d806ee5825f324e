// Names with odd characters: control characters and halves of pairs are refused, whatever people write is not.

import { describe, expect, it } from "vitest";
import type { JobOnWire } from "../../src/contract/job";
import { call, expectError, later, trySubmit } from "../support/http-client";

const NAMES: [string, string][] = [
  ["NUL", "a\u0000b"],
  ["a line feed", "a\nb"],
  ["an escape", "\u001b[31m"],
  ["DEL", "a\u007f"],
  ["half a surrogate pair", "\ud800"],
  ["the other half", "a\udc00b"],
];

describe("names with characters that no name needs", () => {
  it.each(NAMES)("are refused as channel, tag and item key: %s", async (_, name) => {
    expectError(await trySubmit(later({ channel: name })), "invalid_request", "channel");
    expectError(await trySubmit(later({ tags: ["good", name] })), "invalid_request", "tags[1]");
    const jobs = [later({ idempotency_key: name })];
    const bulk = await call("POST", "/v1/jobs/bulk", { json: { jobs } });
    expectError(bulk, "invalid_request", "jobs[0].idempotency_key");
  });

  it.each(NAMES)("are no task and no model: %s", async (_, name) => {
    expectError(await trySubmit({ ...later(), task: name }), "unknown_task", "task");
    expectError(
      await trySubmit(later({ input: { prompt: "a", model: name } })),
      "unknown_model",
      "input.model",
    );
    const model = `sandbox/chat!reply=${name}`;
    expectError(await trySubmit(later({ input: { prompt: "a", model } })), "unknown_model", "input.model");
  });

  it.each(NAMES)("come back unchanged from prompt and metadata: %s", async (_, text) => {
    const answer = await trySubmit(
      later({ input: { prompt: text }, metadata: { [text]: text, list: [text] } }),
    );
    expect(answer.status, answer.text).toBe(202);
    const { body } = await call("GET", `/v1/jobs/${answer.body.id}`);
    expect(body.metadata).toEqual({ [text]: text, list: [text] });
    expect((await call("GET", `/v1/jobs/${body.id}/input`)).body).toEqual({ prompt: text });
  });

  it.each([
    "Ünïcödé",
    "名前",
    "💥",
    "a'b\"c`d",
    "'; DROP TABLE jobs; --",
    "%",
    "_",
    "\\",
    "a b",
    "<script>",
    "\u00a0\u200b",
  ])("are not these: %j", async (name) => {
    const answer = await trySubmit(later({ channel: name, tags: [name] }));
    expect(answer.body).toMatchObject({ channel: name, tags: [name] });
    for (const filter of ["channel", "tag"]) {
      const path = `/v1/jobs?${filter}=${encodeURIComponent(name)}`;
      const { body } = await call<{ data: JobOnWire[] }>("GET", path);
      expect(body.data.map((job) => job.id)).toEqual([answer.body.id]);
    }
  });
});
