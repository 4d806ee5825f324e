// The clock: one object that knows when to look. What it does to jobs is engine/sweep.ts.
//
// 1. Before anything is stored that it must find, somebody calls `arm` and gets a promise: a look within so many ms.
// 2. `alarm` sets the next alarm before it works, because the platform gives up on an alarm after six failures.
// 3. After a pass, the next alarm is at the earliest wake time. With nothing open, it sleeps once its promise is kept, but
//    for an hourly look at what is to be tidied up (engine/housekeep.ts).

import { DurableObject } from "cloudflare:workers";
import { createDeps, type Deps } from "../deps";
import { type Chores, FIRST_CHORES, housekeep } from "../engine/housekeep";
import { sweep } from "../engine/sweep";
import { type Env, readTiming } from "../env";
import { errorField, log } from "../log";

const PROMISE_MS = 120_000;
const RENEW_PROMISE_BELOW_MS = 60_000;

const AWAKE_UNTIL = "awake_until";
const CHORES = "chores";
const LEASES_COUNT_FROM = "leases_count_from";

export class Clock extends DurableObject<Env> {
  private readonly kv = this.ctx.storage.kv;
  private readonly timing = readTiming(this.env.TIMING, []);
  private awakeUntil = this.kv.get<number>(AWAKE_UNTIL) ?? 0;
  /** The earliest time that was asked for while a pass was under way. */
  private asked = Number.POSITIVE_INFINITY;

  /** Stays awake, and returns for how long: it will look when that time is over, or later too. Milliseconds. */
  async arm(): Promise<number> {
    const now = Date.now();
    if (this.awakeUntil < now + RENEW_PROMISE_BELOW_MS) {
      this.awakeUntil = now + PROMISE_MS;
      this.kv.put(AWAKE_UNTIL, this.awakeUntil);
    }
    await this.lookBy(now + this.timing.passEveryMs);
    return this.awakeUntil - now;
  }

  /** Looks in `inMs` at the latest. */
  async armFor(inMs: number): Promise<void> {
    await this.lookBy(Date.now() + inMs);
  }

  /** Looks soon if it has no alarm, or one that did not go off; else as planned. */
  async wake(): Promise<void> {
    const at = await this.ctx.storage.getAlarm();
    if (at === null || at < Date.now() - this.timing.passEveryMs) await this.ctx.storage.setAlarm(Date.now());
  }

  override async alarm(): Promise<void> {
    this.asked = Number.POSITIVE_INFINITY;
    await this.ctx.storage.setAlarm(Date.now() + this.timing.passEveryMs);
    const deps = createDeps(this.env, this.ctx);
    const nextInMs = await this.pass(deps);
    const choresAt = await this.tidyUp(deps);
    const now = Date.now();
    const promised = now < this.awakeUntil ? now + this.timing.passEveryMs : Number.POSITIVE_INFINITY;
    const due = nextInMs === null ? Number.POSITIVE_INFINITY : now + Math.max(0, nextInMs);
    await this.ctx.storage.setAlarm(Math.min(due, promised, choresAt, this.asked));
  }

  private async pass(deps: Deps): Promise<number | null> {
    try {
      const { nextInMs, looked } = await sweep(deps, this.trustsLeases());
      if (looked > 0) log("clock_pass", { looked, next_in_ms: nextInMs });
      return nextInMs;
    } catch (error) {
      // While D1 was away, runs could not renew their leases: none counts as dead for one lease length.
      this.kv.put(LEASES_COUNT_FROM, Date.now() + this.timing.leaseMs);
      log("clock_failed", { error: errorField(error) });
      return this.timing.passEveryMs;
    }
  }

  /** Returns when there is something to tidy up next. */
  private async tidyUp(deps: Deps): Promise<number> {
    const chores = this.kv.get<Chores>(CHORES) ?? FIRST_CHORES;
    if (Date.now() < chores.dueAt) return chores.dueAt;
    try {
      const next = await housekeep(deps, chores);
      this.kv.put(CHORES, next);
      return next.dueAt;
    } catch (error) {
      log("housekeeping_failed", { stage: chores.stage, error: errorField(error) });
      return Date.now() + this.timing.passEveryMs;
    }
  }

  private trustsLeases(): boolean {
    return Date.now() >= (this.kv.get<number>(LEASES_COUNT_FROM) ?? 0);
  }

  private async lookBy(instant: number): Promise<void> {
    this.asked = Math.min(this.asked, instant);
    const current = await this.ctx.storage.getAlarm();
    if (current === null || current > instant) await this.ctx.storage.setAlarm(instant);
  }
}
