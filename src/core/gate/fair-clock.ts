// Start-time fair queueing between projects: each has a virtual time that advances by tokens over weight.

import { LANES, type Lane } from "../lifecycle";

const MOST_TAGS = 1_000;

/** One clock a lane, because a project that is served in one says nothing about who waits in another. */
export class FairClock {
  private readonly nows = new Map<Lane, number>();
  private readonly tags = new Map<string, { lane: Lane; tag: number }>();

  /** A project begins to wait in a lane: having been away earns nothing, and costs at most `debt`. */
  arrive(projectId: string, lane: Lane, debt: number): void {
    const now = this.now(lane);
    const tag = this.tags.get(nameOf(projectId, lane))?.tag ?? now;
    this.set(projectId, lane, Math.max(now, Math.min(tag, now + debt)));
  }

  tag(projectId: string, lane: Lane): number {
    return this.tags.get(nameOf(projectId, lane))?.tag ?? this.now(lane);
  }

  now(lane: Lane): number {
    return this.nows.get(lane) ?? 0;
  }

  /** It was not eligible when others were: that earns nothing either. */
  passOver(projectId: string, lane: Lane, tag: number): void {
    this.set(projectId, lane, Math.max(tag, this.tag(projectId, lane)));
  }

  serve(projectId: string, lane: Lane): void {
    this.nows.set(lane, Math.max(this.now(lane), this.tag(projectId, lane)));
  }

  /** In every lane, whichever it was used in. Negative: it was not used after all. */
  charge(projectId: string, amount: number): void {
    for (const lane of LANES) this.set(projectId, lane, this.tag(projectId, lane) + amount);
    if (this.tags.size > MOST_TAGS) this.forget();
  }

  private set(projectId: string, lane: Lane, tag: number): void {
    this.tags.set(nameOf(projectId, lane), { lane, tag });
  }

  /** Whoever owes nothing is forgotten first, then whoever owes least. */
  private forget(): void {
    const debts = [...this.tags].map(([name, { lane, tag }]) => ({ name, debt: tag - this.now(lane) }));
    debts.sort((a, b) => b.debt - a.debt);
    for (const { name } of debts.slice(MOST_TAGS / 2)) this.tags.delete(name);
  }
}

function nameOf(projectId: string, lane: Lane): string {
  return `${lane}/${projectId}`;
}
