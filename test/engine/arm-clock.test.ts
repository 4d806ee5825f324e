import { describe, expect, it } from "vitest";
import type { Deps } from "../../src/deps";
import { armClock, armClockFor } from "../../src/engine/arm-clock";
import { testDeps } from "../support/deps";

const START = 1_700_000_000_000;

/** A clock that promises to be awake for two minutes, and counts how often it is asked. */
function aClock(fails = false) {
  const asked: (number | "arm")[] = [];
  const stub = {
    async arm() {
      if (fails) throw new Error("clock away");
      asked.push("arm");
      return 120_000;
    },
    async armFor(inMs: number) {
      if (fails) throw new Error("clock away");
      asked.push(inMs);
    },
  };
  return { asked, clock: { getByName: () => stub } as unknown as Deps["clock"] };
}

describe("armClock", () => {
  it("asks once, and again when less than half a minute of the promise is left", async () => {
    let time = START;
    const { asked, clock } = aClock();
    const deps = testDeps({ clock, now: () => time });
    for (const passed of [0, 1, 60_000, 89_999]) {
      time = START + passed;
      await armClock(deps);
    }
    expect(asked).toEqual(["arm"]);
    time = START + 90_000;
    await armClock(deps);
    expect(asked).toEqual(["arm", "arm"]);
  });

  it("asks again after a clock that did not answer, and never throws", async () => {
    const away = aClock(true);
    const deps = testDeps({ clock: away.clock, now: () => START });
    await armClock(deps);
    await armClock(deps);
    expect(deps.logs.map(({ event }) => event)).toEqual(["arm_clock_failed", "arm_clock_failed"]);
  });
});

describe("armClockFor", () => {
  it("asks every time", async () => {
    const { asked, clock } = aClock();
    const deps = testDeps({ clock });
    await armClockFor(deps, 500);
    await armClockFor(deps, 700);
    expect(asked).toEqual([500, 700]);
  });

  it("never throws", async () => {
    const { clock } = aClock(true);
    await expect(armClockFor(testDeps({ clock }), 1)).resolves.toBeUndefined();
  });
});
