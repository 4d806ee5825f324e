import { env } from "cloudflare:workers";
import fc from "fast-check";
import { expect, it } from "vitest";
import { isFinal, type State } from "../../src/core/lifecycle";
import { cancelJobs, expireJob } from "../../src/store/moves";
import { returnRun } from "../../src/store/run-ends";
import { PROJECT } from "../support/factory";
import { aResult, claimOne, STORED_ERROR } from "../support/moves";
import { changeRow } from "../support/rows";
import { answer, aSharedJob, fail, storeShared } from "../support/shared-jobs";

const STEPS = [
  "submit",
  "refresh",
  "bulk",
  "cancel",
  "expire",
  "complete",
  "timeout",
  "refused",
  "retry",
  "age",
] as const;
const QUESTIONS = ["one", "two"];
type Step = { what: (typeof STEPS)[number]; which: number; question: string };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({ what: fc.constantFrom(...STEPS), which: fc.nat(20), question: fc.constantFrom(...QUESTIONS) }),
  { minLength: 5, maxLength: 40 },
);

type Row = { id: string; state: State; cache_key: string; follows: string | null };

async function jobs(): Promise<Row[]> {
  const sql = "SELECT id, state, cache_key, follows FROM jobs ORDER BY id";
  return (await env.DB.prepare(sql).all<Row>()).results;
}

async function make({ what, which, question: cache_key }: Step): Promise<void> {
  if (what === "submit") return void (await storeShared([aSharedJob({ cache_key })]));
  if (what === "refresh") return void (await storeShared([aSharedJob({ cache_key }, { mode: "refresh" })]));
  if (what === "bulk") {
    return void (await storeShared(["one", "two", "one"].map((key) => aSharedJob({ cache_key: key }))));
  }
  if (what === "age") return void (await env.DB.exec("UPDATE cache_entries SET expires_at = 1, drop_at = 1"));
  const open = (await jobs()).filter(({ state }) => !isFinal(state));
  const job = open[which % Math.max(1, open.length)];
  if (!job) return;
  const key = { projectId: PROJECT, id: job.id };
  if (what === "cancel") return void (await cancelJobs(env.DB, [key]));
  if (what === "expire") {
    await changeRow(job.id, { expires_at: 1 });
    return void (await expireJob(env.DB, key, STORED_ERROR));
  }
  if (job.state !== "pending") return;
  if (what === "complete") return answer(job.id);
  if (what === "retry") {
    const claimed = await claimOne({ ...key, run: 0 });
    if (claimed) await returnRun(env.DB, claimed, { move: "retry", delayMs: 0 }, aResult);
    return;
  }
  return fail(job.id, what === "timeout" ? "timeout" : "content_refused");
}

async function check(): Promise<void> {
  const all = await jobs();
  const byId = new Map(all.map((job) => [job.id, job]));
  const { results } = await env.DB.prepare("SELECT key, job_id FROM cache_entries").all<{
    key: string;
    job_id: string | null;
  }>();
  for (const question of QUESTIONS) {
    const open = all.filter((job) => job.cache_key === question && !isFinal(job.state));
    const leaders = open.filter((job) => job.follows === null);
    expect(leaders.length).toBe(open.length > 0 ? 1 : 0);
    expect(results.find(({ key }) => key === question)?.job_id ?? null).toBe(leaders[0]?.id ?? null);
    for (const { follows, state } of open.filter((job) => job.follows !== null)) {
      expect(state).toBe("waiting");
      expect(follows).toBe(leaders[0]?.id);
    }
  }
  for (const { state, follows } of all) {
    if (isFinal(state) && follows !== null) expect(byId.get(follows)?.state).toBe(state);
  }
}

it("whatever happens, equal jobs have one leader, who is open as long as somebody waits, and each of them ends", {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      for (const table of ["jobs", "cache_entries"]) await env.DB.exec(`DELETE FROM ${table}`);
      for (const step of sequence) {
        await make(step);
        await check();
      }
      for (let left = await jobs(); left.some(({ state }) => !isFinal(state)); left = await jobs()) {
        const next = left.find(({ state }) => state === "pending");
        expect(next).toBeDefined();
        await answer(next?.id ?? "");
      }
    }),
    { numRuns: 40 },
  );
});
