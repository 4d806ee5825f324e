import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { moveEvent, type ProgressEvent, parentProgress } from "../../src/core/events";
import { ParentPace } from "../../src/durable/parent-pace";
import { aJob } from "../support/factory";

const NOBODY = { failed: 0, cancelled: 0, inputTokens: 0, outputTokens: 0, nanoUsd: 0 };
const parent = (completed: number) => aJob({ id: "job_1", children: { total: 100, completed, ...NOBODY } });

function progress(done: number): ProgressEvent {
  const event = parentProgress(parent(done), 0);
  if (!event) throw new Error("no progress");
  return event;
}

describe("ParentPace", () => {
  let late: number[];
  let pace: ParentPace;

  beforeEach(() => {
    vi.useFakeTimers();
    late = [];
    pace = new ParentPace((event) => late.push(event.done));
  });

  afterEach(() => void vi.useRealTimers());

  it("lets one word through at once, and the newest of what follows half a second later", () => {
    expect([1, 2, 3].map((done) => pace.lets(progress(done)))).toEqual([true, false, false]);
    vi.advanceTimersByTime(500);
    expect(late).toEqual([3]);
  });

  it("tells at most twice a second, however many children end", () => {
    let atOnce = 0;
    for (let done = 1; done <= 100; done++) {
      if (pace.lets(progress(done))) atOnce += 1;
      vi.advanceTimersByTime(100);
    }
    vi.advanceTimersByTime(1_000);
    expect(atOnce + late.length).toBeLessThanOrEqual(21);
    expect(late.at(-1)).toBe(100);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("does not go back when the news of two isolates cross", () => {
    for (const done of [1, 5, 4]) pace.lets(progress(done));
    vi.advanceTimersByTime(500);
    expect(late).toEqual([5]);
  });

  it("holds back nothing else, and says nothing of a job that has moved on", () => {
    pace.lets(progress(1));
    pace.lets(progress(2));
    expect(pace.lets(moveEvent(parent(100), 0))).toBe(true);
    expect(pace.lets({ ...progress(2), pace: undefined })).toBe(true);
    vi.advanceTimersByTime(1_000);
    expect(late).toEqual([]);
  });
});
