// A turn of a batch leaves what the next one needs, whatever has become of its items.

import { describe, expect, it } from "vitest";
import { storeItems } from "../../src/tasks/batch-turn";
import type { TaskContext } from "../../src/tasks/define";

const state = { next: { offset: 10, line: 2 } };
const child = { task: "generate", input: {} };

const ctxWith = (failed: number) => ({ state, children: { failed } }) as unknown as TaskContext;

describe("a turn of a batch", () => {
  it("that stops at a failure reads no more, and keeps its place for a retry", async () => {
    const read = () => Promise.reject(new Error("has read"));
    expect(await storeItems(ctxWith(1), "stop", read)).toEqual({
      kind: "wait",
      state,
      children: [],
      onChildFailure: "fail",
    });
  });

  it.each([
    ["goes on while there is more", { next: 5 }, { kind: "again" }],
    ["waits for all of them behind the last", { next: null }, { kind: "wait", onChildFailure: "ignore" }],
  ])("%s, also when items have failed", async (_, after, outcome) => {
    const read = async () => ({ children: [child], state: after });
    expect(await storeItems(ctxWith(1), "continue", read)).toMatchObject({
      ...outcome,
      state: after,
      children: [child],
    });
  });
});
