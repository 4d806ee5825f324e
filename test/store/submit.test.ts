import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { TIMING } from "../../src/core/limits";
import { findByKeys, findMismatches, insertJobs, type NewJob } from "../../src/store/submit";
import { aNewJob, anId, PROJECT } from "../support/factory";
import { wrapDb } from "../support/faulty-db";
import { countRows, theJob, theRow } from "../support/rows";

const insert = (jobs: NewJob[], bulkKey: { key: string; hash: string } | null = null, db = env.DB) =>
  insertJobs(db, PROJECT, jobs, bulkKey, TIMING);
const ids = (jobs: { id: string }[]) => jobs.map(({ id }) => id).sort();
const withKey = (key: string, hash = "h1") => aNewJob({ idempotency_key: key, hash });

describe("insertJobs", () => {
  it("writes a job as it was given, pending and in line", async () => {
    const job = aNewJob({
      ...{
        channel: "user-42",
        tags: ["a", "b"],
        metadata: '{"k":[1]}',
        lane: "interactive",
        priority: 7,
        stream: true,
      },
      ...{ max_attempts: 3, timeout_ms: 9_000, rerun_of: "job_old" },
    });
    const [written] = await insert([job]);
    expect(written).toMatchObject({
      ...{
        id: job.id,
        state: "pending",
        reason: "queued",
        run: 0,
        attempt: 0,
        version: 1,
        channel: "user-42",
      },
      ...{ tags: ["a", "b"], metadata: { k: [1] }, lane: "interactive", priority: 7, stream: true },
      ...{ maxAttempts: 3, timeoutMs: 9_000, rerunOf: "job_old", model: "sandbox/chat" },
    });
    expect(written?.createdAt).toBe(written?.runAt);
    expect(Math.abs((written?.createdAt ?? 0) - Date.now())).toBeLessThan(5_000);
    expect((await theRow(job.id))?.wake_at).toBe((written?.createdAt ?? 0) + 30_000);
  });

  it("tells a job that is to start later apart, and wakes the clock at that instant", async () => {
    const at = Date.now() + 3_600_000;
    const [delayed, dated, past] = [
      aNewJob({ delay_ms: 60_000 }),
      aNewJob({ run_at: at }),
      aNewJob({ run_at: 1_000 }),
    ];
    await insert([delayed, dated, past]);
    const job = await theJob(delayed.id);
    expect(job).toMatchObject({ reason: "scheduled", runAt: job.createdAt + 60_000 });
    expect((await theRow(delayed.id))?.wake_at).toBe(job.runAt);
    expect(await theJob(dated.id)).toMatchObject({ reason: "scheduled", runAt: at });
    const late = await theJob(past.id);
    expect(late).toMatchObject({ reason: "queued", runAt: late.createdAt });
  });

  it.each([
    ["now, for longer than the first look", { expires_in_ms: 60_000 }, 30_000],
    ["now, for less", { expires_in_ms: 5_000 }, 5_000],
    ["later, but not in time", { expires_in_ms: 5_000, delay_ms: 60_000 }, 5_000],
    ["later, in time", { expires_in_ms: 60_000, delay_ms: 5_000 }, 5_000],
  ])("wakes the clock in time for a job that is due %s", async (_what, over, wakeInMs) => {
    const job = aNewJob(over);
    await insert([job]);
    const row = await theRow(job.id);
    expect(Number(row?.wake_at) - Number(row?.created_at)).toBe(wakeInMs);
    expect(Number(row?.expires_at) - Number(row?.created_at)).toBe(over.expires_in_ms);
  });

  it("gives nothing and changes nothing when it is repeated", async () => {
    const job = aNewJob({ tags: ["x"] });
    await insert([job]);
    const row = await theRow(job.id);
    expect(await insert([job])).toEqual([]);
    expect(await theRow(job.id)).toEqual(row);
  });

  it("writes all or none", async () => {
    const jobs = [aNewJob(), aNewJob({ max_attempts: 0 })];
    await expect(insert(jobs)).rejects.toThrow(/constraint/i);
    for (const { id } of jobs) expect(await theRow(id)).toBeNull();
  });

  it("stores the same job id in two projects", async () => {
    const job = aNewJob();
    await insertJobs(env.DB, "one", [job], null, TIMING);
    expect(await insertJobs(env.DB, "two", [job], null, TIMING)).toHaveLength(1);
  });

  const deep = `${"[".repeat(64)}1${"]".repeat(64)}`;
  it.each([
    ["a NUL", '{"prompt":"a\\u0000b"}'],
    ["half a surrogate pair", '{"prompt":"\\ud800 and \\udfff"}'],
    ["64 levels", deep],
    ["a number beyond doubles", '{"n":1e400}'],
    ["an integer beyond doubles", '{"n":12345678901234567890}'],
    ["a number's own form", '{"n":1.0,"m":1E2,"z":-0}'],
    ["quotes, backslashes and line ends", JSON.stringify({ prompt: '"\\ \n\r\u2028 \u{1f600} é' })],
    ["a string alone", '"text"'],
    ["null", "null"],
  ])("keeps the text of an input with %s, byte by byte", async (_what, input) => {
    const job = aNewJob({ input });
    await insert([job]);
    expect((await theJob(job.id)).input).toBe(input);
  });

  it("writes 1,000 jobs of 8 KB in one transaction, in slices that D1 takes", async () => {
    const input = JSON.stringify({ prompt: "x".repeat(8_150) });
    const jobs = Array.from({ length: 1_000 }, () => aNewJob({ input }));
    const wrapped = wrapDb(env.DB);
    const written = await insert(jobs, null, wrapped.db);
    expect(ids(written)).toEqual(ids(jobs));
    expect(wrapped.calls).toHaveLength(1);
    expect(wrapped.calls[0]?.sqls.length).toBeGreaterThan(5);
    expect((await theJob(jobs[999]?.id ?? "")).input).toBe(input);
  });

  it("writes none of 1,000 when the last is wrong", async () => {
    const before = await countRows("jobs");
    const input = JSON.stringify({ prompt: "x".repeat(8_150) });
    const jobs = Array.from({ length: 1_000 }, (_, i) => aNewJob({ input, max_attempts: i === 999 ? 0 : 1 }));
    await expect(insert(jobs)).rejects.toThrow(/constraint/i);
    expect(await countRows("jobs")).toBe(before);
  });

  it("writes each tag once", async () => {
    const job = aNewJob({ tags: ["tea", "lisbon"] });
    await insert([job, aNewJob({ tags: ["tea"] })]);
    const { results } = await env.DB.prepare("SELECT tag FROM job_tags WHERE job_id = ?1 ORDER BY tag")
      .bind(job.id)
      .all();
    expect(results).toEqual([{ tag: "lisbon" }, { tag: "tea" }]);
  });
});

describe("idempotency in the database", () => {
  it("makes one job of one key and body, and leads to it", async () => {
    const [first, second] = [withKey("same"), withKey("same")];
    expect(ids(await insert([first]))).toEqual([first.id]);
    expect(await insert([second])).toEqual([]);
    expect(await theRow(second.id)).toBeNull();
    expect(await findByKeys(env.DB, PROJECT, ["same", "unknown"])).toEqual(new Map([["same", [first.id]]]));
  });

  it("refuses the key with another body, and writes nothing", async () => {
    await insert([withKey("strict", "h1")]);
    const others = [aNewJob({ tags: ["t"] }), withKey("strict", "h2")];
    const before = await countRows("job_tags");
    await expect(insert(others)).rejects.toMatchObject({ code: "idempotency_mismatch" });
    for (const { id } of others) expect(await theRow(id)).toBeNull();
    expect(await countRows("job_tags")).toBe(before);
  });

  it("knows which keys do not fit", async () => {
    await insert([withKey("fits", "h1"), withKey("does not", "h1")]);
    const asked = [
      { key: "fits", hash: "h1" },
      { key: "does not", hash: "h2" },
      { key: "new", hash: "h1" },
    ];
    expect(await findMismatches(env.DB, PROJECT, asked)).toEqual(new Set(["does not"]));
  });

  it("keeps the keys of projects apart", async () => {
    const [one, two] = [withKey("shared", "h1"), withKey("shared", "h2")];
    await insertJobs(env.DB, "one", [one], null, TIMING);
    expect(await insertJobs(env.DB, "two", [two], null, TIMING)).toHaveLength(1);
  });

  it("makes the jobs of a bulk key once, and remembers all of them", async () => {
    const jobs = [aNewJob(), aNewJob(), aNewJob()];
    const bulkKey = { key: anId("req"), hash: "b1" };
    expect(await insert(jobs, bulkKey)).toHaveLength(3);
    const again = [aNewJob({ tags: ["t"] }), aNewJob(), aNewJob()];
    expect(await insert(again, bulkKey)).toEqual([]);
    for (const { id } of again) expect(await theRow(id)).toBeNull();
    const found = await findByKeys(env.DB, PROJECT, [bulkKey.key]);
    expect(found.get(bulkKey.key)).toEqual(jobs.map(({ id }) => id));
  });

  it("refuses a bulk key with other jobs, and writes nothing", async () => {
    const bulkKey = { key: anId("req"), hash: "b1" };
    await insert([aNewJob()], bulkKey);
    const other = aNewJob();
    await expect(insert([other], { ...bulkKey, hash: "b2" })).rejects.toMatchObject({
      code: "idempotency_mismatch",
    });
    expect(await theRow(other.id)).toBeNull();
  });

  it("makes only those of a bulk that an earlier key has not made", async () => {
    const old = withKey(anId("req"));
    await insert([old]);
    const same = aNewJob({ idempotency_key: old.idempotency_key, hash: old.hash });
    const fresh = [withKey(anId("req")), aNewJob()];
    expect(ids(await insert([same, ...fresh]))).toEqual(ids(fresh));
    expect(await theRow(same.id)).toBeNull();
  });

  it("makes one job of a key that comes twice in a bulk", async () => {
    const key = anId("req");
    const jobs = [withKey(key), withKey(key)];
    expect(ids(await insert(jobs))).toEqual([jobs[0]?.id]);
    await expect(insert([withKey("twice", "h1"), withKey("twice", "h2")])).rejects.toMatchObject({
      code: "idempotency_mismatch",
    });
  });

  it("makes one job of a hundred that come at once", async () => {
    const key = anId("req");
    const all = await Promise.all(Array.from({ length: 100 }, () => insert([withKey(key)])));
    expect(all.flat()).toHaveLength(1);
  });
});
