import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { moveEvent } from "../../src/core/events";
import { jobLogId, type LogMessage } from "../../src/core/streams/job-log";
import { shardOf } from "../../src/core/streams/stream";
import { LogWriter } from "../../src/engine/log-writer";
import { testDeps } from "../support/deps";
import { aJob } from "../support/factory";

async function read(id: string): Promise<LogMessage[]> {
  const answer = await env.JOB_LOG.getByName(shardOf(id)).read(id, "start", null);
  if (answer.kind !== "read") throw new Error(answer.kind);
  const lines = new TextDecoder().decode(answer.page.data).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as LogMessage);
}

const progress = (done: number): LogMessage => ({ type: "progress", done, total: 500, message: null });

it("keeps the newest progress between two pieces of text, and the order of both", async () => {
  const job = aJob({ state: "running", run: 1, stream: true });
  const writer = new LogWriter(testDeps(), job);
  writer.begin();
  for (let done = 1; done <= 500; done++) writer.write(progress(done));
  writer.write({ type: "text", text: "Tea" });
  for (let done = 1; done <= 500; done++) writer.write(progress(done));
  const event = moveEvent({ ...job, state: "completed" }, 1_000);
  await writer.leave({ event, commits: true });
  const end = { type: "end", state: "completed", error: null };
  expect(await read(jobLogId(job))).toEqual([
    progress(500),
    { type: "text", text: "Tea" },
    progress(500),
    end,
  ]);
});
