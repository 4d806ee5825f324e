import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { type Chores, FIRST_CHORES, housekeep } from "../../src/engine/housekeep";
import { createOperation, saveSlice } from "../../src/store/operations";
import { createProject } from "../../src/store/projects";
import { brokenBucket, ringFor, type TestDeps, testDeps } from "../support/deps";
import { anId, PROJECT } from "../support/factory";
import { wrapDb } from "../support/faulty-db";
import { aFile } from "../support/files";
import { countRows, storedIn, storedJob, theRow } from "../support/rows";

const DAY_MS = 86_400_000;

beforeEach(async () => {
  await env.DB.exec("DELETE FROM jobs");
});

/** The whole walk, from the beginning until it is put off for an hour. */
async function walk(
  deps: TestDeps = testDeps(),
  from: Chores = FIRST_CHORES,
): Promise<{ steps: number; end: Chores }> {
  let chores = from;
  for (let steps = 1; steps < 100; steps++) {
    chores = await housekeep(deps, chores);
    if (chores.dueAt > deps.now() + 60_000) return { steps, end: chores };
  }
  throw new Error("the walk has no end");
}

/** An id as a job of that age has it. */
function idOfAge(ms: number): string {
  const id = anId();
  const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  let time = "";
  for (let left = Date.now() - ms, i = 0; i < 10; i++, left = Math.floor(left / 32))
    time = letters[left % 32] + time;
  return `job_${time}${id.slice(-16)}`;
}

/** A job that has ended so long ago. */
async function endedAgo(days: number, over: Parameters<typeof storedJob>[0] = {}, row = {}) {
  const ms = days * DAY_MS;
  const finished = { state: "completed", run: 1, wake_at: null, finished_at: Date.now() - ms + 1_000 };
  return storedJob({ id: idOfAge(ms), ...over }, { ...finished, ...row });
}

describe("retention", () => {
  it("erases jobs that ended longer ago than they are kept, with their tags and keys, and no others", async () => {
    const old = await endedAgo(8, { tags: ["old"], idempotency_key: "old-key", hash: "h" });
    const kept = [
      await endedAgo(6),
      await endedAgo(8, {}, { finished_at: Date.now() - DAY_MS }),
      await endedAgo(8, { retention_ms: 30 * DAY_MS }),
      await endedAgo(8, {}, { state: "pending", finished_at: null }),
      await endedAgo(8, {}, { state: "running", finished_at: null, lease_until: Date.now() + 60_000 }),
    ];
    await walk();
    expect(await theRow(old.id)).toBeNull();
    for (const { id } of kept) expect(await theRow(id)).not.toBeNull();
    for (const table of ["job_tags WHERE job_id", "idempotency_keys WHERE job_id"]) {
      expect((await env.DB.prepare(`SELECT * FROM ${table} = ?`).bind(old.id).all()).results).toEqual([]);
    }
  });

  it("takes the objects along, and comes back for what R2 would not give up", async () => {
    const old = await endedAgo(8, {}, { run: 2, output_key: "x" });
    const key = `${PROJECT}/${old.id}/2/output`;
    await env.BUCKET.put(key, "{}");
    await walk(testDeps({ bucket: brokenBucket() })).catch(() => null);
    expect(await theRow(old.id)).not.toBeNull();
    expect(await env.BUCKET.head(key)).not.toBeNull();
    await env.DB.exec("UPDATE jobs SET erase_at = NULL");
    await walk();
    expect(await theRow(old.id)).toBeNull();
    expect(await env.BUCKET.head(key)).toBeNull();
  });

  it("goes through every project, in steps of a bounded size", async () => {
    await createProject(env.DB, "zz-last", { name: "Last", retentionMs: null, weight: 1 });
    const old = await Promise.all(Array.from({ length: 250 }, () => endedAgo(8)));
    const last = old[0];
    if (!last) throw new Error("no job");
    await env.DB.prepare("UPDATE jobs SET project_id = 'zz-last' WHERE id = ?1").bind(last.id).run();
    const wrapped = wrapDb(env.DB);
    const { steps } = await walk(testDeps({ db: wrapped.db }));
    expect(await countRows("jobs")).toBe(0);
    expect(steps).toBeGreaterThanOrEqual(4);
  });

  it("reads no more for ten times as many jobs that are still kept", async () => {
    const read = async () => {
      const sql =
        "EXPLAIN QUERY PLAN SELECT id FROM jobs WHERE project_id = ?1 AND id > ?2 AND id < ?3 ORDER BY id LIMIT 9";
      return JSON.stringify((await env.DB.prepare(sql).bind("p", "", "z").all()).results);
    };
    expect(await read()).toContain("SEARCH jobs USING PRIMARY KEY (project_id=? AND id>? AND id<?)");
    await endedAgo(8);
    for (let i = 0; i < 10; i++) await endedAgo(1);
    const wrapped = wrapDb(env.DB);
    await walk(testDeps({ db: wrapped.db }));
    expect(wrapped.rowsWritten()).toBeLessThanOrEqual(3);
  });

  it("is as long as a project says", async () => {
    await createProject(env.DB, "brief", { name: "Brief", retentionMs: DAY_MS, weight: 1 });
    const [mine, other] = [await endedAgo(2), await endedAgo(2)];
    await env.DB.prepare("UPDATE jobs SET project_id = 'brief' WHERE id = ?1").bind(mine.id).run();
    await walk();
    expect(await theRow(mine.id)).toBeNull();
    expect(await theRow(other.id)).not.toBeNull();
  });

  it("is said by a job for itself: the clock erases it when its own time is over", async () => {
    const job = await storedJob({ retention_ms: 60_000 });
    await ringFor(testDeps(), job);
    const row = await theRow(job.id);
    expect(row).toMatchObject({ state: "completed" });
    expect(Number(row?.erase_at) - Number(row?.finished_at)).toBe(60_000);
  });
});

describe("orphans", () => {
  const long = async (key: string) => {
    await env.BUCKET.put(key, "{}");
    return key;
  };

  it("of a crash, and of runs that wrote when their job was erased, are deleted once they are an hour old", async () => {
    const job = await storedIn("running");
    const orphan = anId();
    const gone = [await long(`${PROJECT}/${orphan}/input`), await long(`unsettled/${PROJECT}/${orphan}/3`)];
    const kept = [await long(`${PROJECT}/${job.id}/1/output`), await long("somebody/elses/object")];
    await walk();
    for (const key of [...gone, ...kept]) expect(await env.BUCKET.head(key)).not.toBeNull();
    const later = testDeps({ now: () => Date.now() + 2 * 3_600_000 });
    await walk(later);
    for (const key of gone) expect(await env.BUCKET.head(key)).toBeNull();
    for (const key of kept) expect(await env.BUCKET.head(key)).not.toBeNull();
  });

  it("of files whose row was never written are deleted too, and those of files that are there are kept", async () => {
    const orphan = await long(`${PROJECT}/files/${anId("file")}`);
    const kept = `${PROJECT}/files/${(await aFile()).id}`;
    await walk(testDeps({ now: () => Date.now() + 2 * 3_600_000 }));
    expect(await env.BUCKET.head(orphan)).toBeNull();
    expect(await env.BUCKET.head(kept)).not.toBeNull();
  });

  it("are looked for once a day", async () => {
    const { end } = await walk();
    expect(Date.now() - end.objectsDoneAt).toBeLessThan(60_000);
    const noList = { list: () => Promise.reject(new Error("listed again")) };
    const bucket = new Proxy(env.BUCKET, {
      get: (target, name) => (name === "list" ? noList.list : Reflect.get(target, name).bind(target)),
    });
    await walk(testDeps({ bucket }), { ...end, dueAt: 0 });
    const tomorrow = testDeps({ bucket, now: () => Date.now() + DAY_MS });
    await expect(walk(tomorrow, { ...end, dueAt: 0 })).rejects.toMatchObject({ code: "store_unavailable" });
  });
});

describe("what is forgotten by its age", () => {
  it("is expired uses of tokens, keys of bulk submits, finished operations, old lines of the ledger and old days of usage", async () => {
    await env.DB.exec("INSERT INTO token_uses VALUES ('tok_old', 1, 1000), ('tok_new', 1, 99999999999999)");
    const key = "INSERT INTO idempotency_keys (project_id, key, hash, job_id, job_ids, created_at) VALUES";
    await env.DB.exec(
      `${key} ('default', 'b1', 'h', 'j', '[]', 1), ('default', 'b2', 'h', 'j', '[]', ${Date.now()})`,
    );
    await env.DB.exec("DELETE FROM ledger");
    const line = (job: string) => `('default', '${job}', 1, 1, 't', NULL, 1, 1, 0, 0, NULL, 0, 0)`;
    const columns =
      "project_id, job_id, run, at, task, model, input_tokens, output_tokens, cached_tokens, reasoning_tokens, cost_nano_usd, estimated, lost";
    await env.DB.exec(
      `INSERT INTO ledger (${columns}) VALUES ${line(idOfAge(401 * DAY_MS))}, ${line(anId())}`,
    );
    await env.DB.exec("DELETE FROM usage_days");
    for (const age of [402, 399]) {
      const day = new Date(Date.now() - age * DAY_MS).toISOString().slice(0, 10);
      await env.DB.exec(
        `INSERT INTO usage_days VALUES ('default', '${day}', '', 't', '', '', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)`,
      );
    }
    for (const id of ["op_old", "op_new"]) {
      const one = {
        projectId: PROJECT,
        id,
        action: "erase" as const,
        target: PROJECT,
        filter: {},
        rate: null,
      };
      await createOperation(env.DB, one);
      await saveSlice(env.DB, one, { position: null, changed: 0, wakeInMs: null });
    }
    await env.DB.exec("UPDATE operations SET finished_at = 1 WHERE id = 'op_old'");
    await walk();
    for (const table of ["token_uses", "idempotency_keys", "ledger", "usage_days", "operations"]) {
      expect(await countRows(table), table).toBe(1);
    }
  });
});
