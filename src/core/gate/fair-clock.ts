// Start-time fair queueing between projects: each has a virtual time that advances by tokens over weight.

import { LANES, type Lane } from "../lifecycle";

/** What a project has been given in a lane, as virtual time. */
export type Account = { tag: number };

const MOST_ACCOUNTS = 1_000;

/** One clock a lane, because a project that is served in one says nothing about who waits in another. */
export class FairClock {
  private readonly now: Record<Lane, number> = { interactive: 0, default: 0, bulk: 0 };
  private readonly accounts: Record<Lane, Map<string, Account>> = {
    interactive: new Map(),
    default: new Map(),
    bulk: new Map(),
  };

  /** A project begins to wait in a lane: having been away earns nothing, and costs at most `debt`. */
  arrive(projectId: string, lane: Lane, debt: number): Account {
    const account = this.account(projectId, lane);
    account.tag = Math.max(this.now[lane], Math.min(account.tag, this.now[lane] + debt));
    return account;
  }

  /** Where it stands, or would stand if it came now. */
  tag(projectId: string, lane: Lane): number {
    return this.accounts[lane].get(projectId)?.tag ?? this.now[lane];
  }

  serve(lane: Lane, { tag }: Account): void {
    this.now[lane] = Math.max(this.now[lane], tag);
  }

  /** In every lane, whichever it was used in. Negative: it was not used after all. `isWaiting`: who must be kept. */
  charge(projectId: string, amount: number, isWaiting: (projectId: string, lane: Lane) => boolean): void {
    for (const lane of LANES) {
      this.account(projectId, lane).tag += amount;
      if (this.accounts[lane].size > MOST_ACCOUNTS) this.forget(lane, isWaiting);
    }
  }

  private account(projectId: string, lane: Lane): Account {
    const known = this.accounts[lane].get(projectId);
    if (known !== undefined) return known;
    const account = { tag: this.now[lane] };
    this.accounts[lane].set(projectId, account);
    return account;
  }

  /** Whoever owes nothing is forgotten first, then whoever owes least. */
  private forget(lane: Lane, isWaiting: (projectId: string, lane: Lane) => boolean): void {
    const idle = [...this.accounts[lane]].filter(([projectId]) => !isWaiting(projectId, lane));
    idle.sort(([, a], [, b]) => b.tag - a.tag);
    for (const [projectId] of idle.slice(MOST_ACCOUNTS / 4)) this.accounts[lane].delete(projectId);
  }
}
