import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { FIRST_CHORES } from "../../src/engine/housekeep";
import { fallDue, runOut, wake } from "../support/age";
import { wrapDb } from "../support/faulty-db";
import { changeRow, storedIn, storedJob, theJob, theRow } from "../support/rows";

const PATIENT = { timeout: 8_000 };

let clocks = 0;
const stub = () => env.CLOCK.getByName(`clock-${clocks}`);

beforeEach(async () => {
  clocks += 1;
  await env.DB.exec("DELETE FROM jobs");
  await putChoresOff(HOUR_MS);
});

const HOUR_MS = 3_600_000;

/** There is nothing to tidy up for so long. */
async function putChoresOff(ms: number): Promise<void> {
  await runInDurableObject(stub(), (_instance, state) =>
    state.storage.kv.put("chores", { ...FIRST_CHORES, dueAt: Date.now() + ms }),
  );
}

/** Milliseconds until the clock looks; null: it sleeps. */
async function alarmInMs(): Promise<number | null> {
  const at = await runInDurableObject(stub(), (_instance, state) => state.storage.getAlarm());
  return at === null ? null : at - Date.now();
}

/** The next step is due now, wherever the walk is. */
async function putChoresForward(): Promise<void> {
  await runInDurableObject(stub(), (_instance, state) => {
    const chores = state.storage.kv.get<object>("chores");
    state.storage.kv.put("chores", { ...chores, dueAt: 0 });
  });
}

/** The promise that the clock has given is over. */
async function outlivePromise(): Promise<void> {
  await runInDurableObject(stub(), (_instance, state) => state.storage.kv.put("awake_until", Date.now() - 1));
  await evictDurableObject(stub());
}

function about(ms: number): [number, number] {
  return [ms - 3_000, ms + 500];
}

function expectAbout(actual: number | null, ms: number): void {
  const [least, most] = about(ms);
  expect(actual).not.toBeNull();
  expect(actual).toBeGreaterThan(least);
  expect(actual).toBeLessThan(most);
}

describe("arm", () => {
  it("promises to look when two minutes are over or later, and will look within half a minute", async () => {
    expectAbout(await stub().arm(), 120_000);
    expectAbout(await alarmInMs(), 30_000);
  });

  it.each([
    ["keeps its promise while it lasts for long enough", 90_000, 90_000],
    ["gives a new promise when the old one is nearly over", 59_000, 120_000],
  ])("%s", async (_what, leftMs, promisedMs) => {
    await runInDurableObject(stub(), (_instance, state) =>
      state.storage.kv.put("awake_until", Date.now() + leftMs),
    );
    await evictDurableObject(stub());
    expectAbout(await stub().arm(), promisedMs);
  });

  it("does not put an earlier look off", async () => {
    await stub().armFor(1_000);
    await stub().arm();
    expectAbout(await alarmInMs(), 1_000);
  });
});

describe("armFor", () => {
  it("looks earlier when it is asked to, and never later", async () => {
    await stub().armFor(20_000);
    expectAbout(await alarmInMs(), 20_000);
    await stub().armFor(5_000);
    expectAbout(await alarmInMs(), 5_000);
    await stub().armFor(60_000);
    expectAbout(await alarmInMs(), 5_000);
  });
});

describe("the alarm", () => {
  it("rings for what is due, and the job runs", async () => {
    const job = await storedJob({ delay_ms: 60_000 });
    await fallDue(job.id);
    await stub().arm();
    expect(await runDurableObjectAlarm(stub())).toBe(true);
    await vi.waitFor(
      async () => expect(await theJob(job.id)).toMatchObject({ state: "completed", run: 1 }),
      PATIENT,
    );
  });

  it("runs a job by itself when its time has come", async () => {
    const job = await storedJob({ delay_ms: 300 });
    await stub().armFor(300);
    await vi.waitFor(async () => expect(await theJob(job.id)).toMatchObject({ state: "completed" }), PATIENT);
  });

  it("is set for the earliest wake time when that is the next to come", async () => {
    await storedJob({ delay_ms: 12_000 });
    await stub().arm();
    await runDurableObjectAlarm(stub());
    expectAbout(await alarmInMs(), 12_000);
  });

  it("stays within half a minute while its promise lasts, though nothing is open", async () => {
    await stub().arm();
    await runDurableObjectAlarm(stub());
    expectAbout(await alarmInMs(), 30_000);
  });

  it("sleeps until there is something to tidy up once its promise is over and nothing is open", async () => {
    await stub().arm();
    await outlivePromise();
    await runDurableObjectAlarm(stub());
    expectAbout(await alarmInMs(), HOUR_MS);
  });

  it("tidies up in small steps, and is done with it for an hour", async () => {
    await stub().arm();
    await outlivePromise();
    await putChoresOff(-1);
    const waits: (number | null)[] = [];
    for (let i = 0; i < 5; i++) {
      await runDurableObjectAlarm(stub());
      waits.push(await alarmInMs());
      if ((waits.at(-1) ?? 0) > 2_000) break;
      await putChoresForward();
    }
    expect(waits.slice(0, -1).every((ms) => ms !== null && ms <= 1_000)).toBe(true);
    expectAbout(waits.at(-1) ?? null, HOUR_MS);
  });

  it("does not sleep while something is open, however far away", async () => {
    await storedJob({ delay_ms: HOUR_MS / 2 });
    await stub().arm();
    await outlivePromise();
    await runDurableObjectAlarm(stub());
    expectAbout(await alarmInMs(), HOUR_MS / 2);
  });

  it("wakes up again when it is armed", async () => {
    await stub().arm();
    await outlivePromise();
    await runDurableObjectAlarm(stub());
    await stub().arm();
    expectAbout(await alarmInMs(), 30_000);
  });

  it("keeps an earlier look that was asked for while it was at work", async () => {
    const wrapped = wrapDb(env.DB);
    await stub().arm();
    await runInDurableObject(stub(), (instance) => {
      Reflect.set(instance, "env", { ...env, DB: wrapped.db });
      wrapped.meanwhile(() => instance.armFor(2_000));
    });
    await runDurableObjectAlarm(stub());
    expectAbout(await alarmInMs(), 2_000);
  });

  it("has set the next one before it works", async () => {
    const wrapped = wrapDb(env.DB);
    await stub().arm();
    let next: number | null = null;
    await runInDurableObject(stub(), (instance, state) => {
      Reflect.set(instance, "env", { ...env, DB: wrapped.db });
      wrapped.meanwhile(async () => {
        next = await state.storage.getAlarm();
      });
    });
    await runDurableObjectAlarm(stub());
    expect(next).toBeGreaterThan(Date.now() + 20_000);
  });
});

describe("the clock while the database is away", () => {
  async function fail(times: number): Promise<void> {
    const wrapped = wrapDb(env.DB);
    wrapped.fail(times);
    await runInDurableObject(stub(), (instance) => {
      Reflect.set(instance, "env", { ...env, DB: wrapped.db });
    });
  }

  it("looks again in half a minute, even when its promise is over", async () => {
    await stub().arm();
    await outlivePromise();
    await fail(1);
    await runDurableObjectAlarm(stub());
    expectAbout(await alarmInMs(), 30_000);
  });

  it("takes no run for dead afterwards, because runs could not renew their leases either", async () => {
    const dead = await storedIn("running", { lease_until: Date.now() - 1_000, crashes: 3, wake_at: 1_000 });
    await stub().arm();
    await fail(1);
    await runDurableObjectAlarm(stub());
    await runDurableObjectAlarm(stub());
    expect(await theJob(dead.id)).toMatchObject({ state: "running", run: 1 });
    expect(Number((await theRow(dead.id))?.wake_at)).toBeGreaterThan(Date.now());
  });

  it("takes runs for dead when it was there all the time", async () => {
    const dead = await storedIn("running", { lease_until: Date.now() - 1_000, crashes: 3, wake_at: 1_000 });
    await stub().arm();
    await runDurableObjectAlarm(stub());
    expect(await theJob(dead.id)).toMatchObject({ state: "failed", error: { code: "crashed" } });
  });

  it("takes no run for dead though it was put out of memory since", async () => {
    const dead = await storedIn("running", { lease_until: Date.now() - 1_000, crashes: 3, wake_at: 1_000 });
    await stub().arm();
    await fail(1);
    await runDurableObjectAlarm(stub());
    await evictDurableObject(stub());
    await runDurableObjectAlarm(stub());
    expect(await theJob(dead.id)).toMatchObject({ state: "running", run: 1 });
  });

  it("still ends what has expired and rings for what is due", async () => {
    const [expired, due] = [await storedJob({ expires_in_ms: 60_000 }), await storedJob()];
    await runOut(expired.id);
    await stub().arm();
    await fail(1);
    await runDurableObjectAlarm(stub());
    await changeRow(due.id, { run_at: Date.now() - 40_000 });
    await wake(due.id);
    await runDurableObjectAlarm(stub());
    expect(await theJob(expired.id)).toMatchObject({ state: "failed", error: { code: "expired" } });
    await vi.waitFor(async () => expect(await theJob(due.id)).toMatchObject({ state: "completed" }), PATIENT);
  });
});
