import { describe, expect, it } from "vitest";
import { JobBoard, type Watched } from "../../client/src/cli/job-board";
import { drawJobs, tellChange } from "../../client/src/cli/job-table";
import { rowsTaken } from "../../client/src/cli/live-area";
import { widthOf } from "../../client/src/cli/width";
import type { Frame, Job, MoveEvent } from "../../client/src/index";

const AT = "2026-01-31T12:00:00.000Z";
const LATER = "2026-01-31T12:00:05.000Z";

function move(job_id: string, version: number, more: Partial<MoveEvent> = {}): Frame {
  const what = {
    task: "generate",
    channel: null,
    state: "running",
    reason: null,
    run: 1,
    attempt: 1,
  } as const;
  return { type: "job.started", job_id, version, at: AT, error: null, cursor: "c", ...what, ...more };
}

function snapshot(...jobs: Partial<Job>[]): Frame {
  const what = { task: "generate", state: "pending", reason: "queued", run: 0, attempt: 0, created_at: AT };
  const whole = jobs.map((job) => ({
    ...what,
    progress: null,
    error: null,
    finished_at: null,
    version: 1,
    ...job,
  }));
  return { type: "snapshot", cursor: "c", channel: "x", jobs: whole as Job[] };
}

const progress = (job_id: string, run: number, done: number): Frame => {
  return {
    type: "job.progress",
    job_id,
    version: 2,
    at: AT,
    run,
    done,
    total: 10,
    message: null,
    cursor: "c",
  };
};

describe("the board", () => {
  it("tells each change once, and old news not at all", () => {
    const board = new JobBoard();
    expect(board.take(snapshot({ id: "job_1" }))).toHaveLength(1);
    expect(board.take(snapshot({ id: "job_1" }))).toEqual([]);
    expect(board.take(move("job_1", 2))).toMatchObject([{ state: "running", created_at: AT }]);
    expect(board.take(move("job_1", 2))).toEqual([]);
    expect(board.take(snapshot({ id: "job_1" }))).toEqual([]);
    expect(board.get("job_1")?.state).toBe("running");
    board.take(snapshot({ id: "job_1", version: 3, state: "failed", finished_at: LATER }));
    for (const version of [2, 3]) expect(board.take(move("job_1", version, { state: "failed" }))).toEqual([]);
    expect(board.get("job_1")?.finished_at).toBe(LATER);
  });

  it("has the progress of the run, and forgets that of a run before", () => {
    const board = new JobBoard();
    board.take(move("job_1", 2));
    board.take(progress("job_1", 1, 4));
    expect(board.get("job_1")?.progress).toEqual({ done: 4, total: 10, message: null });
    board.take(move("job_1", 4, { run: 2 }));
    expect(board.take(progress("job_1", 1, 9))).toEqual([]);
    expect(board.get("job_1")?.progress).toBeNull();
  });

  it("shows open jobs first, and then the newest", () => {
    const board = new JobBoard();
    board.take(
      snapshot(
        { id: "old" },
        { id: "done", state: "completed", created_at: LATER },
        { id: "new", created_at: LATER },
      ),
    );
    expect(board.jobs.map(({ id }) => id)).toEqual(["new", "old", "done"]);
  });

  it("does not grow without end", () => {
    const board = new JobBoard();
    for (let i = 0; i < 700; i++) board.take(move(`job_${i}`, 3, { state: "completed" }));
    expect(board.jobs.length).toBe(500);
  });
});

const ID = "job_01M81GA8XXHDC5P502F394K9XC";
const job = (more: Partial<Watched> = {}): Watched => ({
  id: ID,
  task: "generate",
  state: "running",
  reason: null,
  run: 1,
  attempt: 1,
  progress: { done: 3, total: 10, message: null },
  error: null,
  created_at: AT,
  finished_at: null,
  version: 2,
  ...more,
});
const error = { code: "provider_error", message: "The provider\u001b[2J failed.", retryable: true };

describe("the table of jobs", () => {
  const plain = { rows: 24, now: Date.parse(AT) + 12_000, paint: (_: string, text: string) => text };

  it("shows id, task, state, progress, age and tries", () => {
    const ended = job({ state: "failed", attempt: 3, progress: null, error, finished_at: LATER });
    expect(drawJobs([job(), ended], { ...plain, width: 110 })).toEqual([
      "JOB                             TASK      STATE    DONE                      AGE  TRY  ERROR",
      `${ID}  generate  running  █████░░░░░░░░░░░░░░  30%  12s    1`,
      `${ID}  generate  failed                              5s    3  provider_error`,
    ]);
  });

  it("fits every terminal, and keeps ids whole where there is room for them", () => {
    const jobs = [job(), job({ state: "pending", reason: "provider_down", error, task: "東京タスク" })];
    for (let width = 10; width < 130; width++) {
      const lines = drawJobs(jobs, { ...plain, width });
      for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
      if (width >= 52) expect(lines[1]).toContain(ID);
    }
  });

  it("is no higher than the terminal, and tells how many it leaves out", () => {
    const jobs = Array.from({ length: 50 }, () => job());
    const lines = drawJobs(jobs, { ...plain, width: 80, rows: 10 });
    expect(lines.length).toBeLessThan(10);
    expect(lines.at(-1)).toBe("… and 44 more");
    expect(drawJobs(jobs.slice(0, 7), { ...plain, width: 80, rows: 10 })).toHaveLength(8);
  });

  it("is drawn over as a whole, also when the terminal has become narrower", () => {
    expect(rowsTaken(["abc", "", "\u001b[31m東京\u001b[0m"], 80)).toBe(3);
    expect(rowsTaken(["abc", "", "\u001b[31m東京\u001b[0m"], 2)).toBe(5);
  });
});

it("a change is one line, in which nothing moves the cursor", () => {
  expect(tellChange(job())).toBe(`${ID} generate running 3/10`);
  const again = job({ state: "pending", reason: "retrying", attempt: 2, progress: null, error });
  expect(tellChange(again)).toBe(
    `${ID} generate pending (retrying) try 2 provider_error: The provider [2J failed.`,
  );
});
