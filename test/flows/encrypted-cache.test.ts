// With keys, what the cache shares is sealed as well, and whoever asks the same can read it.

import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { enqueue } from "../../src/engine/enqueue";
import { showWholeJob } from "../../src/http/show-job";
import { jobSource } from "../../src/http/streams/job-source";
import { createVault } from "../../src/store/vault";
import { eventStream, failure, textChunk } from "../llm/fake-provider";
import { ringFor, type TestDeps, testDeps } from "../support/deps";
import { PROJECT } from "../support/factory";
import { theJob } from "../support/rows";

const CANARY = "xyzzy-plover";
const vault = createVault([{ id: "k1", secret: new Uint8Array(32).fill(7) }]);
const root = { kind: "root" as const, keyId: null, projectId: PROJECT, scopes: ["admin" as const] };

beforeEach(async () => {
  for (const table of ["jobs", "cache_entries"]) await env.DB.exec(`DELETE FROM ${table}`);
});

/** A leader and a follower, run to their end. */
async function share(deps: TestDeps) {
  const jobs = [1, 2].map(() => ({
    ...{ task: "generate", input: { prompt: CANARY, model: "acme/chat" }, stream: true, max_attempts: 1 },
    cache: { tags: ["t"] },
  }));
  const [leader, follower] = await enqueue(deps, { projectId: PROJECT, jobs });
  if (!leader || !follower) throw new Error("not submitted");
  await ringFor(deps, leader.job);
  return { deps, jobs, leader: leader.job.id, follower: follower.job.id };
}

async function shared(text: string) {
  const fetch = async () => eventStream([textChunk(text), textChunk("", "stop"), "[DONE]"]);
  const made = await share(testDeps({ vault, fetch }));
  const [hit] = await enqueue(made.deps, { projectId: PROJECT, jobs: made.jobs.slice(0, 1) });
  await made.deps.backgroundDone();
  return { ...made, hit: hit?.job.id ?? "" };
}

const long = `${CANARY} `.repeat(2_000);

describe("with ENCRYPTION_KEYS, a shared answer", () => {
  it.each([
    ["small", CANARY],
    ["large", long],
  ])("that is %s is read by all that have it", async (_size, text) => {
    const { deps, leader, follower, hit } = await shared(text);
    for (const id of [leader, follower, hit]) {
      const shown = await showWholeJob(deps, root, await theJob(id));
      expect(shown).toMatchObject({ state: "completed", output: { text } });
      const read = await jobSource(deps, await theJob(id)).read("start");
      expect(read.kind === "read" && new TextDecoder().decode(read.page.data)).toContain(CANARY);
    }
  });

  it("is nowhere in plaintext: neither in rows nor in objects", async () => {
    await shared(CANARY);
    await shared(long);
    for (const table of ["jobs", "cache_entries", "cache_tags"]) {
      const { results } = await env.DB.prepare(`SELECT * FROM ${table}`).all();
      expect(results.length).toBeGreaterThan(0);
      expect(JSON.stringify(results)).not.toContain(CANARY);
    }
    const { objects } = await env.BUCKET.list({ prefix: `${PROJECT}/cache/` });
    expect(objects.length).toBe(1);
    for (const { key } of objects) {
      expect(new TextDecoder("latin1").decode(await (await env.BUCKET.get(key))?.bytes())).not.toContain(
        CANARY,
      );
    }
  });

  it("cannot be had under another question's name", async () => {
    const { deps, hit } = await shared(CANARY);
    await env.DB.prepare("UPDATE jobs SET cache_key = 'another' WHERE id = ?1").bind(hit).run();
    await expect(showWholeJob(deps, root, await theJob(hit))).rejects.toMatchObject({ code: "seal_broken" });
  });

  it("that could not be had has an error whose words a follower can read", async () => {
    const fetch = async () => failure(400, { message: `Invalid prompt: ${CANARY}` });
    const { deps, follower } = await share(testDeps({ vault, fetch }));
    const stored = await theJob(follower);
    expect(stored.error?.message).not.toContain(CANARY);
    expect((await showWholeJob(deps, root, stored)).error?.message).toContain(CANARY);
  });
});
