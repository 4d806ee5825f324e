import { afterEach, expect, it, vi } from "vitest";
import { keepComing } from "../../client/src/comeback";
import { ConnectionError } from "../../client/src/errors";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

it("comes back within ten seconds, and at once when the browser's network is back", async () => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(1);
  const window = new EventTarget();
  vi.stubGlobal("addEventListener", window.addEventListener.bind(window));
  vi.stubGlobal("removeEventListener", window.removeEventListener.bind(window));
  const tries: number[] = [];
  const startedAt = Date.now();
  const coming = keepComing(
    async () => {
      tries.push(Date.now() - startedAt);
      if (tries.length === 1) return true;
      if (tries.length < 9) throw new ConnectionError("away");
      return false;
    },
    1,
    new AbortController().signal,
  );
  await vi.advanceTimersByTimeAsync(35_500);
  expect(tries).toEqual([0, 500, 1_500, 3_500, 7_500, 15_500, 25_500, 35_500]);
  window.dispatchEvent(new Event("online"));
  await coming;
  expect(tries.at(-1)).toBe(35_500);
  expect(tries).toHaveLength(9);
});
