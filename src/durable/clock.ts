// The clock: one object that knows when to look. What it does to jobs is engine/sweep.ts.
//
// 1. Before anything is stored that it must find, somebody calls `arm` and gets a promise: a look at or after this time.
// 2. `alarm` sets the next alarm before it works, because the platform gives up on an alarm after six failures.
// 3. After a pass, the next alarm is at the earliest wake time. With nothing open, it sleeps once its promise is kept.

import { DurableObject } from "cloudflare:workers";
import { LEASE_MS } from "../core/limits";
import { createDeps } from "../deps";
import { sweep } from "../engine/sweep";
import type { Env } from "../env";
import { errorField, log } from "../log";

/** While awake it looks at least this often, which bounds how late a lost doorbell is rung again. */
const PASS_EVERY_MS = 30_000;
const PROMISE_MS = 120_000;
const RENEW_PROMISE_BELOW_MS = 60_000;

const AWAKE_UNTIL = "awake_until";

export class Clock extends DurableObject<Env> {
  private awakeUntil = this.ctx.storage.kv.get<number>(AWAKE_UNTIL) ?? 0;
  /** The earliest time that was asked for while a pass was under way. */
  private asked = Number.POSITIVE_INFINITY;
  private leasesCountFrom = 0;

  /** Stays awake, and returns until when: it will look at or after that instant (milliseconds since 1970). */
  async arm(): Promise<number> {
    const now = Date.now();
    if (this.awakeUntil < now + RENEW_PROMISE_BELOW_MS) {
      this.awakeUntil = now + PROMISE_MS;
      this.ctx.storage.kv.put(AWAKE_UNTIL, this.awakeUntil);
    }
    await this.lookBy(now + PASS_EVERY_MS);
    return this.awakeUntil;
  }

  /** Looks in `inMs` at the latest. */
  async armFor(inMs: number): Promise<void> {
    await this.lookBy(Date.now() + inMs);
  }

  override async alarm(): Promise<void> {
    this.asked = Number.POSITIVE_INFINITY;
    await this.ctx.storage.setAlarm(Date.now() + PASS_EVERY_MS);
    const nextInMs = await this.pass();
    const now = Date.now();
    const promised = now < this.awakeUntil ? now + PASS_EVERY_MS : Number.POSITIVE_INFINITY;
    const due = nextInMs === null ? Number.POSITIVE_INFINITY : now + Math.max(0, nextInMs);
    const next = Math.min(due, promised, this.asked);
    if (next === Number.POSITIVE_INFINITY) await this.ctx.storage.deleteAlarm();
    else await this.ctx.storage.setAlarm(next);
  }

  private async pass(): Promise<number | null> {
    try {
      const deps = createDeps(this.env, this.ctx);
      const { nextInMs, looked } = await sweep(deps, Date.now() >= this.leasesCountFrom);
      if (looked > 0) log("clock_pass", { looked, next_in_ms: nextInMs });
      return nextInMs;
    } catch (error) {
      // While D1 was away, runs could not renew their leases: none counts as dead for one lease length.
      this.leasesCountFrom = Date.now() + LEASE_MS;
      log("clock_failed", { error: errorField(error) });
      return PASS_EVERY_MS;
    }
  }

  private async lookBy(instant: number): Promise<void> {
    this.asked = Math.min(this.asked, instant);
    const current = await this.ctx.storage.getAlarm();
    if (current === null || current > instant) await this.ctx.storage.setAlarm(instant);
  }
}
