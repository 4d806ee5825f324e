// The gate of one pool: who may call the model, and when. What it decides is core/gate, what it does gatekeeper.ts.
//
// 1. A consumer asks before it claims. Who may not go yet stands in the window; the line itself is in the database.
// 2. When a turn comes, the job gets a slot and the queue is rung. Nothing polls, and nothing is written for waiting.
// 3. While anybody waits or runs: a timer for the next turn, and an alarm as the net under it. Else it sleeps.
// 4. A new object knows nothing: it reads the line and what runs from the database before it answers.

import { DurableObject } from "cloudflare:workers";
import type { Answer, Backlog, Explanation, GateView } from "../core/gate/gate";
import type { PoolLimits, Ticket } from "../core/gate/ticket";
import { createDeps } from "../deps";
import type { Env } from "../env";
import { errorField, log } from "../log";
import { type CallSize, Gatekeeper, type SlotNews } from "./gatekeeper";

const POOL = "pool";
const NET_MS = 10_000;

export class Gate extends DurableObject<Env> {
  private readonly kv = this.ctx.storage.kv;
  private keeper: Gatekeeper | null = null;

  ask(pool: string, tickets: Ticket[]): Promise<Answer[]> {
    return this.attend(pool, (keeper) => keeper.ask(tickets));
  }

  take(pool: string, jobId: string, size: CallSize): Promise<number> {
    return this.attend(pool, (keeper) => keeper.take(jobId, size));
  }

  tell(pool: string, news: SlotNews[]): Promise<void> {
    return this.attend(pool, (keeper) => keeper.tell(news));
  }

  nudge(pool: string): Promise<void> {
    return this.attend(pool, (keeper) => keeper.nudge());
  }

  explain(pool: string, ticket: Ticket, backlog: Backlog[]): Promise<Explanation> {
    return this.attend(pool, (keeper) => keeper.explain(ticket, backlog));
  }

  view(pool: string): Promise<GateView> {
    return this.attend(pool, (keeper) => keeper.view());
  }

  limit(pool: string, limits: Partial<PoolLimits>): Promise<void> {
    return this.attend(pool, (keeper) => keeper.limit(limits));
  }

  override async alarm(): Promise<void> {
    const pool = this.kv.get<string>(POOL);
    if (pool === undefined) return;
    try {
      await this.attend(pool, (keeper) => keeper.lookAround());
    } catch (error) {
      log("gate_failed", { pool, error: errorField(error) });
      await this.ctx.storage.setAlarm(Date.now() + NET_MS);
    }
  }

  private async attend<T>(pool: string, act: (keeper: Gatekeeper) => Promise<T>): Promise<T> {
    if (this.keeper === null) {
      this.kv.put(POOL, pool);
      this.keeper = new Gatekeeper(createDeps(this.env, this.ctx), pool, this.kv);
    }
    const done = await act(this.keeper);

    if (!this.keeper.isIdle && (await this.ctx.storage.getAlarm()) === null) {
      await this.ctx.storage.setAlarm(Date.now() + NET_MS);
    }
    return done;
  }
}
