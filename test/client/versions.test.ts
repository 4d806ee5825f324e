import { describe, expect, it } from "vitest";
import type { Frame, Job } from "../../client/src/index";
import { Versions } from "../../client/src/versions";

type Move = { id?: string; version: number; run?: number; state?: Job["state"] };

function move({ id = "job_1", version, run = 1, state = "running" }: Move): Frame {
  const rest = { task: "generate", channel: "c", at: "", reason: null, attempt: 1, error: null };
  return { type: "job.started", cursor: "1.1", job_id: id, version, run, state, ...rest };
}

const progress = (run: number): Frame => {
  const rest = { cursor: "1.1", at: "", done: 1, total: 2, message: null };
  return { type: "job.progress", job_id: "job_1", version: 2 * run, run, ...rest };
};

const snapshot = (version: number, run: number, state: Job["state"]): Frame => {
  const job = { id: "job_1", version, run, state } as Job;
  return { type: "snapshot", cursor: "1.1", channel: "c", jobs: [job] };
};

const taken = (versions: Versions, frames: Frame[]) => frames.map((frame) => versions.take(frame));

describe("what counts as news", () => {
  it("is a change with a version above the last one of its job, whatever those of other jobs are", () => {
    const frames = [move({ version: 2 }), move({ version: 2 }), move({ version: 1 }), move({ version: 5 })];
    expect(taken(new Versions(null), frames)).toEqual([true, false, false, true]);
    const others = [move({ version: 9 }), move({ id: "job_2", version: 1 })];
    expect(taken(new Versions(null), others)).toEqual([true, true]);
  });

  it("is no change that the first snapshot shows", () => {
    const frames = [snapshot(4, 2, "running"), move({ version: 4 }), move({ version: 5 })];
    expect(taken(new Versions(null), frames)).toEqual([true, false, true]);
  });

  it("is what was missed, though the snapshot of coming back shows it already", () => {
    const back = [snapshot(1, 0, "pending"), snapshot(4, 1, "running"), move({ version: 2 })];
    expect(taken(new Versions(null), back)).toEqual([true, true, true]);
    expect(taken(new Versions("1.1"), [snapshot(4, 1, "running"), move({ version: 2 })])).toEqual([
      true,
      true,
    ]);
  });

  it("is no change that the snapshot after a reset shows", () => {
    const frames: Frame[] = [
      { type: "reset", cursor: "9.1" },
      snapshot(4, 2, "running"),
      move({ version: 3 }),
    ];
    expect(taken(new Versions("1.1"), frames)).toEqual([true, true, false]);
  });

  it("is all progress of the newest run, and none of a run before it or after its end", () => {
    const frames = [
      move({ version: 2, run: 1 }),
      progress(1),
      progress(1),
      move({ version: 4, run: 2 }),
      progress(1),
      progress(2),
      move({ version: 5, run: 2, state: "completed" }),
      progress(2),
      // Nobody was told that it has begun.
      progress(3),
    ];
    expect(taken(new Versions(null), frames)).toEqual([
      true,
      true,
      true,
      true,
      false,
      true,
      true,
      false,
      true,
    ]);
  });

  it("is remembered of the 2,000 jobs that were heard of last, so that memory is bounded", () => {
    const versions = new Versions(null);
    const first = move({ id: "job_first", version: 1 });
    const many = (count: number) =>
      taken(
        versions,
        Array.from({ length: count }, (_, i) => move({ id: `job_${i}`, version: 1 })),
      );
    versions.take(first);
    many(1_999);
    expect(versions.take(first)).toBe(false);
    many(2_000);
    expect(versions.take(first)).toBe(true);
  });
});
