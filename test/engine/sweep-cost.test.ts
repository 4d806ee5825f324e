import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { sweep } from "../../src/engine/sweep";
import type { Doorbell } from "../../src/env";
import { testDeps } from "../support/deps";
import { wrapDb } from "../support/faulty-db";
import { storedJob } from "../support/rows";

beforeEach(async () => {
  await env.DB.exec("DELETE FROM jobs");
});

describe("the cost of a pass", () => {
  /** So many jobs at once, as the database's own INSERT makes them. */
  async function many(count: number, columns: Record<string, string | number | null>): Promise<void> {
    const names = Object.keys(columns).join(", ");
    const values = Object.values(columns)
      .map((value) => JSON.stringify(value))
      .join(", ")
      .replaceAll('"', "'");
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
       INSERT INTO jobs (project_id, id, task, lane, priority, stream, max_attempts, timeout_ms, created_at, input_bytes, ${names})
       SELECT 'default', 'job_many_' || ?2 || '_' || i, 'generate', 'default', 0, 0, 1, 1000, 1, 2, ${values} FROM n`,
    )
      .bind(count, String(columns.state))
      .run();
  }

  it("does not grow with the number of jobs that have ended", async () => {
    const read = async () => {
      const wrapped = wrapDb(env.DB);
      await sweep(testDeps({ db: wrapped.db }), true);
      return wrapped.rowsRead();
    };
    await storedJob({ delay_ms: 60_000 });
    const before = await read();
    for (const state of ["completed", "failed", "cancelled"]) {
      await many(1_000, { state, run_at: 1, finished_at: 1, wake_at: null });
    }
    expect(await read()).toBe(before);
  });

  it("is bounded after a long silence: it rings for some, and for the rest a second later", async () => {
    const past = Date.now() - 3_600_000;
    await many(4_500, { state: "pending", run_at: past, wake_at: past });
    const rung: Doorbell[] = [];
    const passes: number[] = [];
    for (let left = true; left && passes.length < 5; ) {
      const deps = testDeps();
      const { looked, nextInMs } = await sweep(deps, true);
      passes.push(looked);
      rung.push(...deps.rung);
      left = nextInMs === 1_000;
    }
    expect(passes).toEqual([2_000, 2_000, 500]);
    expect(new Set(rung.map(({ id }) => id)).size).toBe(4_500);
  });
});
