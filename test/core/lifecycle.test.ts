import { describe, expect, it } from "vitest";
import { canMove, isFinal, MOVES, type Move, STATES, type State } from "../../src/core/lifecycle";

/** The table of docs/lifecycle.md, written down a second time: a change of either must be meant. */
const ALLOWED: Record<Move, { from: State[]; to: State }> = {
  claim: { from: ["pending"], to: "running" },
  takeover: { from: ["running"], to: "running" },
  complete: { from: ["running"], to: "completed" },
  fail: { from: ["running"], to: "failed" },
  retry: { from: ["running"], to: "pending" },
  again: { from: ["running"], to: "pending" },
  wait: { from: ["running"], to: "waiting" },
  resume: { from: ["waiting"], to: "pending" },
  share: { from: ["waiting"], to: "completed" },
  fail_with: { from: ["waiting"], to: "failed" },
  lead: { from: ["waiting"], to: "pending" },
  defer: { from: ["running"], to: "pending" },
  stop: { from: ["running"], to: "cancelled" },
  crash: { from: ["running"], to: "failed" },
  ask_to_stop: { from: ["running"], to: "running" },
  cancel: { from: ["pending", "waiting"], to: "cancelled" },
  reroute: { from: ["pending"], to: "pending" },
  expire: { from: ["pending", "waiting"], to: "failed" },
  refuse: { from: ["pending"], to: "failed" },
  rerun: { from: ["failed", "cancelled"], to: "pending" },
  redo: { from: ["completed", "failed", "cancelled"], to: "pending" },
};

const moves = Object.keys(ALLOWED) as Move[];
const pairs = moves.flatMap((move) => STATES.map((state) => [move, state] as const));

describe("canMove", () => {
  it.each(pairs)("%s from %s is allowed or not, as the table says", (move, state) => {
    expect(canMove(move, state)).toBe(ALLOWED[move].from.includes(state));
  });
});

describe("MOVES", () => {
  it.each(moves)("%s leads where it should", (move) => {
    expect(MOVES[move].to).toBe(ALLOWED[move].to);
  });

  it("has no move that is not in the table", () => {
    expect(Object.keys(MOVES).sort()).toEqual([...moves].sort());
  });

  it("leaves a final state only by rerun or redo, and that of a completed job by redo only", () => {
    const leaving = moves.filter((move) => STATES.some((state) => isFinal(state) && canMove(move, state)));
    expect(leaving).toEqual(["rerun", "redo"]);
    expect(moves.filter((move) => canMove(move, "completed"))).toEqual(["redo"]);
  });

  it("leads to a final state from every state that is not", () => {
    for (const state of STATES.filter((one) => !isFinal(one))) {
      expect(moves.some((move) => canMove(move, state) && isFinal(MOVES[move].to))).toBe(true);
    }
  });
});

describe("isFinal", () => {
  it("is true of the three ends", () => {
    expect(STATES.filter(isFinal)).toEqual(["completed", "failed", "cancelled"]);
  });
});
