// With ENCRYPTION_KEYS the object of a stream holds what it cannot read; its readers see what was said.

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { moveEvent } from "../../src/core/events";
import type { Job } from "../../src/core/job";
import { jobLogId, type LogMessage } from "../../src/core/streams/job-log";
import { shardOf } from "../../src/core/streams/stream";
import { LogWriter } from "../../src/engine/log-writer";
import { jobSource } from "../../src/http/streams/job-source";
import { createVault } from "../../src/store/vault";
import { testDeps } from "../support/deps";
import { aJob } from "../support/factory";

const deps = testDeps({ vault: createVault([{ id: "k1", secret: new Uint8Array(32).fill(7) }]) });
const aRun = (run: number, turns = 0, job: Partial<Job> = {}) =>
  aJob({ ...job, state: "running", stream: true, run, turns });
const said = (text: string): LogMessage => ({ type: "text", text });

/** A run that says these, and leaves. */
async function say(job: Job, texts: string[], how: "completed" | "again" | "retry"): Promise<void> {
  const writer = new LogWriter(deps, job);
  writer.begin();
  for (const text of texts) writer.write(said(text));
  if (how === "again") await writer.mark();
  const state = how === "completed" ? "completed" : "pending";
  await writer.leave({ event: moveEvent({ ...job, state }, 1_000), commits: how !== "retry" });
}

const parse = (data: Uint8Array) =>
  new TextDecoder()
    .decode(data)
    .split("\n")
    .flatMap((line) => (line ? [JSON.parse(line) as LogMessage] : []));

async function read(job: Job): Promise<LogMessage[]> {
  const answer = await jobSource(deps, job).read("start");
  if (answer.kind !== "read") throw new Error(answer.kind);
  return parse(answer.page.data);
}

describe("a sealed stream", () => {
  it("is read plain, from any place between two messages, and holds no word of it", async () => {
    const job = aRun(1);
    await say(job, ["Tea in ", "Lisbon"], "completed");
    const messages = await read(job);
    expect(messages).toEqual([said("Tea in Lisbon"), { type: "end", state: "completed", error: null }]);
    const id = jobLogId(job);
    const stored = await env.JOB_LOG.getByName(shardOf(id)).read(id, "start", null);
    if (stored.kind !== "read") throw new Error(stored.kind);
    expect(parse(stored.page.data).map(({ type }) => type)).toEqual(["sealed", "end"]);
    expect(new TextDecoder().decode(stored.page.data)).not.toContain("Tea");
  });

  it("says in a rollback what stays, though its object cannot read it", async () => {
    const first = aRun(1);
    await say(first, ["One. "], "again");
    await say(aRun(2, 1, { id: first.id }), ["Two, cut "], "retry");
    await say(aRun(3, 1, { id: first.id }), ["Two. "], "completed");
    const messages = await read(first);
    expect(messages.flatMap((one) => ("text" in one ? [[one.type, one.text]] : []))).toEqual([
      ["text", "One. "],
      ["text", "Two, cut "],
      ["rollback", "One. "],
      ["text", "Two. "],
    ]);
  });

  it("is told plain over a socket as it is written, in order, and to its end", async () => {
    const job = aRun(1);
    const socket = await jobSource(deps, job).listen("start");
    const heard: LogMessage[] = [];
    const ended = new Promise<void>((resolve) =>
      socket?.addEventListener("message", ({ data }) => {
        const frame = JSON.parse(String(data)) as { closed: boolean; data: LogMessage[] };
        heard.push(...frame.data);
        if (frame.closed) resolve();
      }),
    );
    socket?.accept();
    await say(job, ["Tea in ", "Lisbon"], "completed");
    await ended;
    expect(heard).toEqual([said("Tea in Lisbon"), { type: "end", state: "completed", error: null }]);
    socket?.close(1000, "done");
  });
});
