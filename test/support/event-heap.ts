// A virtual clock: things happen in the order of their time, and no time passes in between.

type Happening = { at: number; order: number; run: () => void };

export class EventHeap {
  private readonly heap: Happening[] = [];
  private order = 0;

  constructor(public now: number) {}

  at(time: number, run: () => void): void {
    const { heap } = this;
    heap.push({ at: Math.max(time, this.now), order: this.order++, run });
    for (let i = heap.length - 1; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (!this.precedes(i, parent)) break;
      this.swap(i, parent);
      i = parent;
    }
  }

  after(ms: number, run: () => void): void {
    this.at(this.now + ms, run);
  }

  /** Runs what is due next. False: nothing is left, or not before `until`. */
  step(until: number): boolean {
    const { heap } = this;
    const first = heap[0];
    if (first === undefined || first.at > until) return false;
    const last = heap.pop();
    if (heap.length > 0 && last !== undefined) {
      heap[0] = last;
      this.sink();
    }
    this.now = first.at;
    first.run();
    return true;
  }

  private sink(): void {
    for (let i = 0; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2])
        if (child < this.heap.length && this.precedes(child, least)) least = child;
      if (least === i) return;
      this.swap(i, least);
      i = least;
    }
  }

  private precedes(i: number, j: number): boolean {
    const [a, b] = [this.heap[i], this.heap[j]];
    if (a === undefined || b === undefined) return false;
    return a.at === b.at ? a.order < b.order : a.at < b.at;
  }

  private swap(i: number, j: number): void {
    const [a, b] = [this.heap[i], this.heap[j]];
    if (a === undefined || b === undefined) return;
    this.heap[i] = b;
    this.heap[j] = a;
  }
}
