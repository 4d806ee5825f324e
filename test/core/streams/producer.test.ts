import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { judge, type ProducerState, type Verdict } from "../../../src/core/streams/producer";

/** What a writer, one of its earlier lives, or nobody in their right mind sends. */
type Move =
  | { kind: "next" }
  | { kind: "skip" }
  | { kind: "late_start" }
  | { kind: "restart"; by: number }
  | { kind: "repeat"; which: number }
  | { kind: "zombie"; which: number };

const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Move>({ kind: "next" }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("repeat" as const), which: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("restart" as const), by: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("zombie" as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.constantFrom<Move>({ kind: "skip" }, { kind: "late_start" }) },
);

type Sent = { epoch: number; seq: number };

/** The log as a plain list: it is searched, not counted. */
class Model {
  readonly log: Sent[] = [];

  expected({ epoch, seq }: Sent): Verdict {
    const newest = this.log.at(-1)?.epoch;
    const ofEpoch = this.log.filter((one) => one.epoch === epoch);
    if (newest !== undefined && epoch < newest) return { kind: "stale", epoch: newest };
    if (ofEpoch.some((one) => one.seq === seq)) return { kind: "duplicate", seq: ofEpoch.length - 1 };
    if (seq === ofEpoch.length) return { kind: "new" };
    return newest !== undefined && epoch > newest
      ? { kind: "bad_start" }
      : { kind: "gap", expected: ofEpoch.length };
  }
}

function play(moves: Move[], send: (sent: Sent) => void): void {
  let writer: Sent = { epoch: 0, seq: 0 };
  const past: Sent[] = [];
  const pick = (which: number) => past[which % Math.max(1, past.length)];
  for (const one of moves) {
    if (one.kind === "next") {
      send(writer);
      past.push(writer);
      writer = { ...writer, seq: writer.seq + 1 };
    } else if (one.kind === "restart") writer = { epoch: writer.epoch + one.by, seq: 0 };
    else if (one.kind === "skip") send({ ...writer, seq: writer.seq + 1 });
    else if (one.kind === "late_start") send({ epoch: writer.epoch + 1, seq: 1 });
    else {
      const old = pick(one.which);
      if (old) send(one.kind === "repeat" ? old : { ...old, seq: old.seq + 1 });
    }
  }
}

describe("a producer's appends", () => {
  it("are accepted exactly once each and in order, whatever is repeated, restarted or sent by zombies", () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
        const model = new Model();
        let known: ProducerState | null = null;
        play(moves, ({ epoch, seq }) => {
          const verdict = judge(known, { id: "p", epoch, seq });
          expect(verdict).toEqual(model.expected({ epoch, seq }));
          if (verdict.kind !== "new") return;
          known = { epoch, seq };
          model.log.push({ epoch, seq });
        });
        const names = model.log.map(({ epoch, seq }) => `${epoch}.${seq}`);
        expect(new Set(names).size).toBe(names.length);
        const inOrder = model.log.toSorted((a, b) => a.epoch - b.epoch || a.seq - b.seq);
        expect(model.log).toEqual(inOrder);
        for (const [epoch, ofEpoch] of Map.groupBy(model.log, (one) => one.epoch)) {
          expect(ofEpoch).toEqual(ofEpoch.map((_, seq) => ({ epoch, seq })));
        }
      }),
      { numRuns: 500 },
    );
  });

  it("that are each sent until they are answered are all there, however many answers get lost", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 3 }), { maxLength: 30 }), (losses) => {
        let known: ProducerState | null = null;
        const log: number[] = [];
        for (const [seq, lost] of losses.entries()) {
          for (let tries = 0; tries <= lost; tries++) {
            const { kind } = judge(known, { id: "p", epoch: 0, seq });
            expect(kind).toBe(tries === 0 ? "new" : "duplicate");
            if (kind !== "new") continue;
            known = { epoch: 0, seq };
            log.push(seq);
          }
        }
        expect(log).toEqual([...losses.keys()]);
      }),
    );
  });

  it("may begin in any epoch, with number 0", () => {
    expect(judge(null, { id: "p", epoch: 7, seq: 0 })).toEqual({ kind: "new" });
    expect(judge(null, { id: "p", epoch: 7, seq: 1 })).toEqual({ kind: "gap", expected: 0 });
  });
});
