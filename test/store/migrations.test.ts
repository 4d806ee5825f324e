import { applyD1Migrations, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { TIMING } from "../../src/core/limits";
import { claimJobs } from "../../src/store/claims";
import { getJob } from "../../src/store/jobs";
import { anId, PROJECT } from "../support/factory";

it("a database of an older version is brought up with its jobs in it, and they run", async () => {
  await reset();
  const [oldest] = env.TEST_MIGRATIONS;
  if (!oldest) throw new Error("no migrations");
  await applyD1Migrations(env.DB, [oldest]);
  const key = { projectId: PROJECT, id: anId() };
  await env.DB.prepare(
    `INSERT INTO jobs (project_id, id, task, state, lane, priority, stream, max_attempts, timeout_ms, created_at, run_at,
      wake_at, input_bytes, input) VALUES (?1, ?2, 'generate', 'pending', 'default', 0, 0, 3, 1000, 1, 1, 1, 14, '{"prompt":"a"}')`,
  )
    .bind(key.projectId, key.id)
    .run();
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
  expect(await getJob(env.DB, key)).toMatchObject({ state: "pending", eraseAt: null, retentionMs: null });
  expect(await claimJobs(env.DB, [key], anId("clm"), TIMING)).toMatchObject([{ state: "running", run: 1 }]);
});
