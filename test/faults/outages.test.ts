import { describe, expect, it } from "vitest";
import { FULL, ROUNDS, SEED } from "../support/fault-rounds";
import { SCENARIOS } from "../support/fault-scenarios";
import { tryOut } from "../support/fault-trial";
import { atPeace, type Place } from "../support/fault-wire";
import { awayFor, awayForCalls, type Outage, WAYS_TO_BE_AWAY } from "../support/outages";
import { sample, seeded } from "../support/seeded";

const SAMPLE = 4;

const PLACES: Place[][] = [["d1"], ["r2"], ["d1", "r2"], ["queue", "clock"], ["hub"], ["gate"]];

const LENGTHS = [
  { name: "for 90 s", plan: (outage: Outage) => awayFor(90_000, outage) },
  { name: "for 5 calls", plan: (outage: Outage) => awayForCalls(5, outage) },
];

/** What a run can only survive by putting its answer into R2. */
const isHard = (way: string, length: (typeof LENGTHS)[number]) => way === "refuses" && length === LENGTHS[0];

describe.each(SCENARIOS)("an outage from any operation on of: $name", (scenario) => {
  it(`delays the job and costs it nothing else (seed ${SEED})`, { timeout: 600_000 }, async () => {
    const isMain = scenario === SCENARIOS[0];
    const { ops } = await tryOut(scenario, atPeace);
    const all = ops.flatMap(({ n: from }) =>
      PLACES.flatMap((places) =>
        Object.keys(WAYS_TO_BE_AWAY).flatMap((way) =>
          LENGTHS.map((length) => ({ from, places, way, length })),
        ),
      ),
    );
    const random = seeded(SEED);
    const broken: string[] = [];
    const main = all.filter(
      ({ places, way, length }) => isMain && places.join() === "d1" && isHard(way, length),
    );
    const trials = [...(FULL ? [] : main), ...sample(random, all, FULL ? 8 * ROUNDS : SAMPLE)];
    for (const { length, ...outage } of trials) {
      const { breaches } = await tryOut(scenario, length.plan(outage));
      const name = `${outage.places} ${outage.way} ${length.name} from ${outage.from} of ${ops.length}`;
      if (breaches.length > 0) broken.push(`${scenario.name}: ${name}`, ...breaches.map((b) => `    ${b}`));
    }
    console.log(`${scenario.name}: ${trials.length} outages`);
    expect(broken).toEqual([]);
  });
});
