import { describe, expect, it } from "vitest";
import { isEnd, isKept, type JobEvent, moveEvent, paceOf } from "../../src/core/events";
import type { Job } from "../../src/core/job";
import { aJob } from "../support/factory";

const stages: [string, Partial<Job>, string][] = [
  ["a new job", {}, "job.submitted"],
  ["a scheduled job", { reason: "scheduled" }, "job.submitted"],
  ["a running job", { state: "running", reason: null, run: 1, attempt: 1 }, "job.started"],
  ["a job taken over", { state: "running", reason: null, run: 2, attempt: 1, crashes: 1 }, "job.started"],
  ["a job asked to stop", { state: "running", reason: null, run: 1, cancelRequestedAt: 5 }, "job.cancelling"],
  ["a job to be retried", { reason: "retrying", run: 1, attempt: 1 }, "job.retrying"],
  ["a completed job", { state: "completed", reason: null }, "job.completed"],
  ["a failed job", { state: "failed", reason: null }, "job.failed"],
  ["a cancelled job", { state: "cancelled", reason: null, cancelRequestedAt: 5 }, "job.cancelled"],
  ["a job that was started again by hand", { run: 3, attempt: 0 }, "job.submitted"],
  ["a job with turns left, in its first attempt", { run: 1, attempt: 0, turns: 1 }, "job.continuing"],
  ["a job with turns left, in its second attempt", { run: 3, attempt: 1, turns: 1 }, "job.continuing"],
];

describe("moveEvent", () => {
  it.each(stages)("tells of %s", (_what, over, type) => {
    expect(moveEvent(aJob(over), 0).type).toBe(type);
  });

  it("says which job, how it stands, and when", () => {
    const error = { code: "provider_error", message: "no", retryable: true };
    const job = aJob({ channel: "c", version: 7, run: 2, attempt: 2, reason: "retrying", error });
    expect(moveEvent(job, 1_700_000_000_000)).toEqual({
      ...{
        type: "job.retrying",
        job_id: job.id,
        task: "generate",
        channel: "c",
        version: 7,
        run: 2,
        attempt: 2,
      },
      ...{ at: "2023-11-14T22:13:20.000Z", state: "pending", reason: "retrying", error },
    });
  });

  it("holds nothing of what the job is about", () => {
    const job = aJob({ metadata: { secret: "Lisbon" }, tags: ["Lisbon"], idempotencyKey: "Lisbon" });
    expect(JSON.stringify(moveEvent(job, 0))).not.toContain("Lisbon");
  });
});

describe("isKept and isEnd", () => {
  const passing: JobEvent[] = [
    { type: "job.progress", job_id: "j", version: 1, at: "", run: 1, done: 1, total: 2, message: null },
  ];

  it("keep every move but a start, and no progress", () => {
    const kept = stages.filter(([, over]) => isKept(moveEvent(aJob(over), 0))).map(([, , type]) => type);
    expect(new Set(kept)).toEqual(
      new Set(stages.map(([, , type]) => type).filter((type) => type !== "job.started")),
    );
    expect(passing.filter(isKept)).toEqual([]);
  });

  it("know the three ends", () => {
    const ends = stages.filter(([, over]) => isEnd(moveEvent(aJob(over), 0))).map(([, , type]) => type);
    expect(ends).toEqual(["job.completed", "job.failed", "job.cancelled"]);
    expect(passing.filter(isEnd)).toEqual([]);
  });
});

describe("the pace of a job with children", () => {
  const children = {
    total: 10,
    completed: 3,
    failed: 1,
    cancelled: 0,
    inputTokens: 0,
    outputTokens: 0,
    nanoUsd: 0,
  };
  const started = { children, startedAt: 1_000, readAt: 9_000 };

  it("is how many of them end in a second, and how long the others take at that", () => {
    expect(paceOf(aJob(started))).toEqual({ per_s: 0.5, eta_s: 12 });
  });

  it("is not known before it has begun, and before one has ended", () => {
    const none = { per_s: null, eta_s: null };
    expect(paceOf(aJob({ ...started, startedAt: null }))).toEqual(none);
    expect(paceOf(aJob({ ...started, children: { ...children, completed: 0, failed: 0 } }))).toEqual(none);
  });

  it("stays what it was once the job has ended", () => {
    const ended = { ...started, children: { ...children, completed: 9 }, finishedAt: 6_000 };
    expect(paceOf(aJob({ ...ended, readAt: 900_000 }))).toEqual({ per_s: 2, eta_s: 0 });
  });
});
