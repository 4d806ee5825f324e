import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { AppError } from "../../src/core/errors";
import { enqueue } from "../../src/engine/enqueue";
import { type TestDeps, testDeps } from "../support/deps";
import { PROJECT } from "../support/factory";
import { type WrappedDb, wrapDb } from "../support/faulty-db";
import { theRow } from "../support/rows";

describe("a submit whose INSERT is not answered", () => {
  const submit = (deps: TestDeps) =>
    enqueue(deps, {
      projectId: PROJECT,
      jobs: [{ task: "generate", input: { prompt: "Tea" }, delay_s: 60 }],
    });

  it("is sent again under the same id, and is new all the same", async () => {
    const wrapped = wrapDb(env.DB);
    wrapped.loseAnswers(1, "INSERT INTO jobs");
    const deps = testDeps({ db: wrapped.db });
    const [submitted] = await submit(deps);
    expect(submitted).toMatchObject({ created: true, job: { state: "pending", version: 1 } });
    expect(await theRow(submitted?.job.id ?? "")).not.toBeNull();
    await deps.backgroundDone();
  });

  it.each([
    [
      "nobody knows whether it was stored",
      (wrapped: WrappedDb) => wrapped.loseAnswers(2, "INSERT INTO jobs"),
      true,
    ],
    ["it was not", (wrapped: WrappedDb) => wrapped.fail(2, "INSERT INTO jobs"), false],
  ])("names the job when it stays away and %s", async (_what, breakDb, isStored) => {
    const wrapped = wrapDb(env.DB);
    breakDb(wrapped);
    const error = await submit(testDeps({ db: wrapped.db })).catch((thrown: AppError) => thrown);
    expect(error).toMatchObject({ code: "store_unavailable", retryAfterMs: 5_000 });
    const [id] = (error as AppError).jobIds ?? [];
    expect((await theRow(id ?? "")) !== null).toBe(isStored);
  });

  it("names no job when the database was away before", async () => {
    const wrapped = wrapDb(env.DB);
    wrapped.fail(5);
    const error = await submit(testDeps({ db: wrapped.db })).catch((thrown: AppError) => thrown);
    expect(error).toMatchObject({ code: "store_unavailable", jobIds: null });
  });
});
