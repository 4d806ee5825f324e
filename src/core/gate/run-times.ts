// How long runs take, for telling when a slot will be free.

const NEWEST = 0.05;

export class RunTimes {
  constructor(private mean: number | null) {}

  get meanMs(): number | null {
    return this.mean;
  }

  learn(ms: number): void {
    this.mean = this.mean === null ? ms : this.mean + NEWEST * (ms - this.mean);
  }
}
