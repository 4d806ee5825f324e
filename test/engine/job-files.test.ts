// Files that jobs write: whole or not at all, and of each name the newest.

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { WholeJob } from "../../src/core/job";
import { writeJobFile } from "../../src/engine/job-files";
import { listJobFiles } from "../../src/store/job-files";
import { readRange } from "../../src/store/object-range";
import { putText } from "../../src/store/objects";
import { createVault } from "../../src/store/vault";
import { type TestDeps, testDeps } from "../support/deps";
import { storedJob } from "../support/rows";

const stored = async (run = 1): Promise<WholeJob> => ({
  ...(await storedJob({ task: "generate", input: "{}" })),
  run,
});

async function* of<T>(...parts: T[]) {
  yield* parts;
}

async function textOf(deps: TestDeps, job: WholeJob, name: string): Promise<string | null> {
  const file = (await listJobFiles(deps, job)).find((one) => one.name === name);
  return file ? new TextDecoder().decode(await readRange(deps, job, file.key, 0, file.bytes)) : null;
}

describe("a job's file", () => {
  it("is made of text and bytes in the order in which they come", async () => {
    const deps = testDeps();
    const job = await stored();
    const content = of<string | Uint8Array>(
      "a",
      "b",
      new Uint8Array([99]),
      "d",
      new Uint8Array([101, 102]),
      "g",
    );
    expect(await writeJobFile(deps, job, "mixed.txt", content)).toEqual({
      name: "mixed.txt",
      run: 1,
      bytes: 7,
    });
    expect(await textOf(deps, job, "mixed.txt")).toBe("abcdefg");
  });

  it("is listed with its own size, sealed or not, and the output is none", async () => {
    const sealing = testDeps({ vault: createVault([{ id: "k", secret: new Uint8Array(32).fill(3) }]) });
    for (const deps of [testDeps(), sealing]) {
      const job = await stored();
      await writeJobFile(deps, job, "a.jsonl", of("x".repeat(3_000_000)));
      await putText(deps, job, `${job.projectId}/${job.id}/1/output`, "{}");
      await putText(deps, job, `${job.projectId}/${job.id}/input`, "{}");
      expect(await listJobFiles(deps, job)).toEqual([
        expect.objectContaining({ name: "a.jsonl", bytes: 3_000_000 }),
      ]);
    }
  });

  it("is that of the newest run that has written it, which need not be the job's last", async () => {
    const deps = testDeps();
    const job = await stored();
    for (const run of [2, 10, 9]) await writeJobFile(deps, { ...job, run }, "a.txt", of(`run ${run}`));
    await writeJobFile(deps, { ...job, run: 2 }, "b.txt", of("run 2"));
    expect(await textOf(deps, { ...job, run: 12 }, "a.txt")).toBe("run 10");
    expect(await textOf(deps, { ...job, run: 12 }, "b.txt")).toBe("run 2");
  });

  it("leaves nothing when its content breaks off", async () => {
    const deps = testDeps();
    const job = await stored();
    async function* broken() {
      yield "x".repeat(6_000_000);
      throw new Error("broken off");
    }
    await expect(writeJobFile(deps, job, "a.txt", broken())).rejects.toThrow("broken off");
    expect((await env.BUCKET.list({ prefix: `${job.projectId}/${job.id}/` })).objects).toEqual([]);
  });
});
