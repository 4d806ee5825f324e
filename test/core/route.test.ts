// Where a job runs first, and where it goes after a failure.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AppError, ERRORS, type ErrorCode } from "../../src/core/errors";
import {
  type Choice,
  drawTargets,
  nextStep,
  presentTarget,
  type Route,
  routeOver,
  routesAhead,
  type Step,
} from "../../src/core/route";
import { Random } from "../support/random";

const choice = (model: string, weight: number | null = null, keys: string[] = []): Choice => ({
  ...{ model, weight, keys },
});

/** How often each target was the first, in shares. */
function sharesOf(choices: Choice[], draws = 20_000): Record<string, number> {
  const random = new Random(7);
  const shares: Record<string, number> = {};
  for (let i = 0; i < draws; i++) {
    const [first] = drawTargets(choices, () => random.next());
    const name = `${first?.model} ${first?.key ?? ""}`.trim();
    shares[name] = (shares[name] ?? 0) + 1 / draws;
  }
  return shares;
}

describe("the targets of a new job", () => {
  it("begin with each model as often as its weight says; without one it counts 1", () => {
    const shares = sharesOf([choice("a", 3), choice("b"), choice("c", 4), choice("d", 0)]);
    expect(Object.keys(shares).sort()).toEqual(["a", "b", "c"]);
    expect(Math.abs((shares.a ?? 0) - 3 / 8)).toBeLessThan(0.01);
    expect(Math.abs((shares.b ?? 0) - 1 / 8)).toBeLessThan(0.01);
    expect(Math.abs((shares.c ?? 0) - 4 / 8)).toBeLessThan(0.01);
  });

  it("begin with the first of the list when none has a weight", () => {
    expect(sharesOf([choice("a"), choice("b")], 100)).toEqual({ a: expect.closeTo(1) });
  });

  it("spread over the keys of the model", () => {
    const shares = sharesOf([choice("a", null, ["K1", "K2", "K3"])]);
    for (const key of ["K1", "K2", "K3"]) {
      expect(Math.abs((shares[`a ${key}`] ?? 0) - 1 / 3)).toBeLessThan(0.01);
    }
  });

  it("go on with the model's other keys, and then with the other models in their order", () => {
    const choices = [choice("a", 1, ["K1", "K2"]), choice("b", 8, ["K3", "K4"]), choice("c", 1, ["K5"])];
    const drawn = drawTargets(choices, () => 0.5).map(({ model, key }) => [model, key]);
    expect(drawn).toEqual([
      ...[
        ["b", "K4"],
        ["b", "K3"],
      ],
      ...[
        ["a", "K2"],
        ["a", "K1"],
      ],
      // The only key of its provider needs no name.
      ["c", null],
    ]);
  });

  it("are each there once, whatever is drawn", () => {
    const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 5 });
    const choices = names.chain((models) =>
      fc.tuple(
        ...models.map((model) =>
          fc.record({
            model: fc.constant(model),
            weight: fc.option(fc.double({ min: 0, max: 9, noNaN: true })),
            keys: fc.uniqueArray(fc.constantFrom("K1", "K2", "K3")),
          }),
        ),
      ),
    );
    fc.assert(
      fc.property(choices, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (list, random) => {
        const drawn = drawTargets(list, () => random).map(({ model, key }) => `${model} ${key}`);
        const all = list.flatMap(({ model, keys }) =>
          keys.length < 2 ? [`${model} null`] : keys.map((key) => `${model} ${key}`),
        );
        expect(drawn.toSorted()).toEqual(all.toSorted());
      }),
    );
  });

  it("are no route when there is one only", () => {
    expect(routeOver(drawTargets([choice("a", null, ["K1"])], () => 0))).toBeNull();
    expect(routeOver(drawTargets([choice("a"), choice("b")], () => 0))).toMatchObject({ at: 0, failures: 0 });
  });
});

const target = (model: string, key: string | null = null) => ({ model, key });
const start: Route = {
  targets: [target("a", "K1"), target("a", "K2"), target("b")],
  at: 0,
  failures: 0,
};

/** Where the job is after these failures: `a K1` …, or `failed`. */
function after(codes: ErrorCode[], maxAttempts = 100, route = start): string[] {
  let now = route;
  let attempt = 0;
  const places: string[] = [];
  for (const code of codes) {
    attempt += 1;
    const step = nextStep(now, new AppError(code), attempt, maxAttempts);
    if (step.kind === "none") return [...places, "failed"];
    now = step.route;
    const { model, key } = presentTarget(now) ?? target("nowhere");
    places.push(`${model}${key ? ` ${key}` : ""}${step.backsOff ? "" : " at once"}`);
  }
  return places;
}

const OF_THE_POOL: ErrorCode[] = [
  ...(["provider_error", "provider_unreachable", "provider_timeout"] as const),
  ...(["stream_cut", "provider_rate_limited"] as const),
];
const OF_THE_TARGET: ErrorCode[] = [
  ...(["provider_auth", "provider_key_missing", "provider_quota"] as const),
  ...(["provider_not_found", "unknown_model"] as const),
];

describe("after a failure", () => {
  it.each(OF_THE_POOL)("%s: the same target once more, then its other key, then the other model", (code) => {
    expect(after([code, code, code, code])).toEqual(["a K1", "a K2 at once", "a K2", "b at once"]);
  });

  it.each(OF_THE_TARGET)("%s: the next target at once", (code) => {
    expect(after([code, code])).toEqual(["a K2 at once", "b at once"]);
  });

  it("context_too_long: the next model, for another key mends nothing", () => {
    expect(after(["context_too_long", "context_too_long"])).toEqual(["b at once", "failed"]);
  });

  const neither = (Object.keys(ERRORS) as ErrorCode[]).filter(
    (code) => ![...OF_THE_POOL, ...OF_THE_TARGET, "context_too_long"].includes(code),
  );
  it.each(neither)("%s: never another target", (code) => {
    expect(after([code, code, code])).toEqual(ERRORS[code].retryable ? ["a K1", "a K1", "a K1"] : ["failed"]);
  });

  it("begins the round again when all have had their turn, after a backoff", () => {
    const six = Array<ErrorCode>(6).fill("provider_error");
    expect(after(six).at(-1)).toBe("a K1");
    expect(after(six, 6).at(-1)).toBe("failed");
  });

  it("never comes back to a target that can do nothing for the job", () => {
    const codes: ErrorCode[] = ["provider_auth", "provider_error", "provider_error", "provider_error"];
    expect(after([...codes, "provider_error"])).toEqual([
      ...["a K2 at once", "a K2", "b at once"],
      ...["b", "a K2"],
    ]);
  });

  it("is no worse with a target that is misconfigured than without it", () => {
    const two: Route = { targets: [target("a"), target("b")], at: 0, failures: 0 };
    const codes: ErrorCode[] = ["provider_error", "provider_error", "provider_auth"];
    expect(after(codes, 5, two)).toEqual(["a", "b at once", "a"]);
    const more: ErrorCode[] = ["provider_error", "provider_error", "provider_error"];
    expect(after([...codes, ...more], 5, two)).toEqual(["a", "b at once", "a", "a", "failed"]);
  });

  it("fails when no target is left that could do anything", () => {
    expect(after(["provider_auth", "provider_quota", "provider_not_found"]).at(-1)).toBe("failed");
  });

  it("goes on at once where the provider says that trying again is in vain", () => {
    const vain = new AppError("provider_error", { retryable: false });
    expect(nextStep(start, vain, 1, 5)).toMatchObject({ kind: "next", route: { at: 1 }, backsOff: false });
  });

  it("counts failures in a row on one target only", () => {
    const once = nextStep(start, new AppError("provider_error"), 1, 5) as Extract<Step, { route: Route }>;
    expect(once.route).toMatchObject({ at: 0, failures: 1 });
    const twice = nextStep(once.route, new AppError("provider_error"), 2, 5);
    expect(twice).toMatchObject({ route: { at: 1, failures: 0 } });
  });

  it("ends within the attempts, and never at a target that is out, whatever fails", () => {
    const codes = fc.array(fc.constantFrom(...(Object.keys(ERRORS) as ErrorCode[])), { maxLength: 40 });
    fc.assert(
      fc.property(codes, fc.integer({ min: 1, max: 20 }), (list, maxAttempts) => {
        const places = after(list, maxAttempts);
        expect(places.length).toBeLessThanOrEqual(maxAttempts);
        let now: Route = start;
        for (const code of list) {
          const step = nextStep(now, new AppError(code), 1, 2);
          if (step.kind === "none") break;
          now = step.route;
          expect(presentTarget(now)?.out).toBeUndefined();
          expect(now.targets).toHaveLength(3);
        }
      }),
    );
  });
});

describe("the way around a pool that is down", () => {
  it("leads to the targets ahead, without those that are out, and never round again", () => {
    const targets = [target("a"), { ...target("b"), out: true as const }, target("c"), target("d")];
    const ats = (at: number) => routesAhead({ targets, at, failures: 1 }).map((route) => route.at);
    expect(ats(0)).toEqual([2, 3]);
    expect(ats(3)).toEqual([]);
    expect(routesAhead({ targets, at: 0, failures: 1 })[0]?.failures).toBe(0);
  });
});
