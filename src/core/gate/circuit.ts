// A circuit breaker: a provider that is down is left alone, and tried with one job now and then.

export type CircuitMemory = { until: number; openMs: number };
export type CircuitState = "closed" | "open" | "half_open";

const FAILURES_IN_A_ROW = 5;
const LAST = 20;
const ENOUGH = 10;
const WITHIN_MS = 60_000;
const FIRST_OPEN_MS = 5_000;
const LONGEST_OPEN_MS = 300_000;
/** A probe may be a long call. After this a further one is tried, so that a lost one blocks nothing for ever. */
const SHORTEST_PROBE_MS = 30_000;

export class Circuit {
  private results: { at: number; down: boolean }[] = [];
  private inARow = 0;
  /** Open until then, half open afterwards; null: closed. */
  private until: number | null;
  private openMs: number;
  private probe: { jobId: string; until: number } | null = null;

  constructor(memory: CircuitMemory | null) {
    this.until = memory?.until ?? null;
    this.openMs = memory?.openMs ?? 0;
  }

  state(now: number): CircuitState {
    if (this.until === null) return "closed";
    return now < this.until ? "open" : "half_open";
  }

  /** Milliseconds until a job may start; 0: now. */
  msUntil(now: number): number {
    if (this.until === null) return 0;
    const probing = this.probe === null ? 0 : this.probe.until - now;
    return Math.max(0, this.until - now, probing);
  }

  get opensAt(): number | null {
    return this.until;
  }

  started(jobId: string, now: number): void {
    if (this.until === null) return;
    this.probe = { jobId, until: now + Math.max(SHORTEST_PROBE_MS, this.openMs) };
  }

  isProbe(jobId: string): boolean {
    return this.probe?.jobId === jobId;
  }

  /** The job has told nothing: it made no request. */
  forget(jobId: string): void {
    if (this.probe?.jobId === jobId) this.probe = null;
  }

  ended(jobId: string, down: boolean, now: number): void {
    if (this.until !== null) {
      if (this.probe?.jobId !== jobId) return;
      this.probe = null;
      if (down) this.open(now);
      else this.close();
      return;
    }
    this.inARow = down ? this.inARow + 1 : 0;
    this.results.push({ at: now, down });
    if (this.results.length > LAST) this.results.shift();
    if (down && this.isBad(now)) this.open(now);
  }

  memory(): CircuitMemory | null {
    return this.until === null ? null : { until: this.until, openMs: this.openMs };
  }

  private isBad(now: number): boolean {
    if (this.inARow >= FAILURES_IN_A_ROW) return true;
    const recent = this.results.filter(({ at }) => at > now - WITHIN_MS);
    return recent.length >= ENOUGH && recent.filter(({ down }) => down).length * 2 >= recent.length;
  }

  private open(now: number): void {
    this.openMs = Math.min(LONGEST_OPEN_MS, this.openMs === 0 ? FIRST_OPEN_MS : this.openMs * 2);
    this.until = now + this.openMs;
    this.results = [];
    this.inARow = 0;
  }

  private close(): void {
    this.until = null;
    this.openMs = 0;
  }
}
