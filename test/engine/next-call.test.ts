import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AppError } from "../../src/core/errors";
import type { Deps } from "../../src/deps";
import { awaitNextCall } from "../../src/engine/next-call";
import { testDeps } from "../support/deps";

const SIZE = { inputChars: 100, maxOutputTokens: null };
const JOB = { id: "job_1", pool: "acme/limited" };

/** A gate that answers so, one after the other; null: it does not answer at all. */
function gateSaying(answers: (number | null)[]): { deps: Deps; asked(): number } {
  let asked = 0;
  const take = async () => {
    const answer = answers[Math.min(asked++, answers.length - 1)];
    if (answer === null || answer === undefined) throw new Error("gate away");
    return answer;
  };
  const deps = testDeps({ gates: { getByName: () => ({ take }) } as unknown as Deps["gates"] });
  return { deps, asked: () => asked };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});

afterEach(() => {
  vi.useRealTimers();
});

async function outcome(promise: Promise<void>): Promise<unknown> {
  const settled = promise.then(
    () => "called",
    (error) => error,
  );
  await vi.runAllTimersAsync();
  return settled;
}

describe("a further call of a running job", () => {
  const signal = new AbortController().signal;

  it("is made at once when there is room, and asks no gate without a pool", async () => {
    const { deps, asked } = gateSaying([0]);
    expect(await outcome(awaitNextCall(deps, JOB, SIZE, signal))).toBe("called");
    expect(await outcome(awaitNextCall(deps, { ...JOB, pool: null }, SIZE, signal))).toBe("called");
    expect(asked()).toBe(1);
  });

  it("waits for some seconds, and asks again until it may", async () => {
    const { deps, asked } = gateSaying([2_000, 1_500, 0]);
    expect(await outcome(awaitNextCall(deps, JOB, SIZE, signal))).toBe("called");
    expect(asked()).toBe(3);
  });

  it.each([
    ["a turn that is far away", [8_000], 8_000],
    ["a turn that is put off again and again", [3_000, 3_000], 3_000],
    ["a gate that does not answer", [null], 1_000],
  ])("gives way to %s, and says how long", async (_what, answers, retryAfterMs) => {
    const { deps } = gateSaying(answers);
    const error = await outcome(awaitNextCall(deps, JOB, SIZE, signal));
    expect(error).toMatchObject({ code: "gate_wait", retryAfterMs });
  });

  it("ends with its run", async () => {
    const { deps } = gateSaying([3_000]);
    const controller = new AbortController();
    const waiting = awaitNextCall(deps, JOB, SIZE, controller.signal);
    controller.abort(new AppError("cancelled"));
    expect(await outcome(waiting)).toMatchObject({ code: "cancelled" });
  });
});
