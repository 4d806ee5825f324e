// Idempotent producers: a writer numbers its appends, so that one that it repeats is not written twice, and one that
// another has replaced is refused.

/** A writer's name for itself, how often it has begun anew, and the number of this append: 0, 1, 2 … in each epoch. */
export type Producer = { id: string; epoch: number; seq: number };

/** What a stream remembers of a producer. */
export type ProducerState = { epoch: number; seq: number };

export type Verdict =
  | { kind: "new" }
  /** Written before. `seq`: the last that was. */
  | { kind: "duplicate"; seq: number }
  /** It was replaced by one of this epoch. */
  | { kind: "stale"; epoch: number }
  /** Something before it is missing. */
  | { kind: "gap"; expected: number }
  /** A new epoch has to begin with number 0. */
  | { kind: "bad_start" };

export function judge(known: ProducerState | null, { epoch, seq }: Producer): Verdict {
  if (known === null) return seq === 0 ? { kind: "new" } : { kind: "gap", expected: 0 };
  if (epoch < known.epoch) return { kind: "stale", epoch: known.epoch };
  if (epoch > known.epoch) return seq === 0 ? { kind: "new" } : { kind: "bad_start" };
  if (seq <= known.seq) return { kind: "duplicate", seq: known.seq };
  return seq === known.seq + 1 ? { kind: "new" } : { kind: "gap", expected: known.seq + 1 };
}
