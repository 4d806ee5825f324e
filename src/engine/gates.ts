// The way to the gates. One that does not answer lets nobody in: its jobs stay pending, and the others run.

import type { Answer } from "../core/gate/gate";
import type { Report } from "../core/gate/report";
import type { Deps } from "../deps";
import type { Doorbell } from "../env";
import { errorField } from "../log";
import { within } from "../store/within";

/** Of each call; a gate that has to read its line anew takes some of it. */
const PATIENCE_MS = 3_000;

type Stub = ReturnType<Deps["gates"]["getByName"]>;

/** The gate's answer; null: it gave none. */
export async function callGate<T>(
  deps: Deps,
  pool: string,
  call: (gate: Stub) => Promise<T>,
): Promise<T | null> {
  try {
    const answer = call(deps.gates.getByName(pool));
    return await within(PATIENCE_MS, answer, () => new Error("the gate does not answer"));
  } catch (error) {
    deps.log("gate_away", { pool, error: errorField(error) });
    return null;
  }
}

/** Tells gates that their lines have changed. Never throws. */
export async function nudgeGates(deps: Deps, pools: string[]): Promise<void> {
  await Promise.all(pools.map((pool) => callGate(deps, pool, (gate) => gate.nudge(pool))));
}

export type Admission = {
  /** Those that may start: each has a slot, or needs none. */
  admitted: Doorbell[];
  /** Their pool is down, and they have another. */
  detours: Doorbell[];
};

/** Asks the gates for their jobs' turns. Those that have to wait are in neither list: their gate rings for them. */
export async function askGates(deps: Deps, doorbells: Doorbell[]): Promise<Admission> {
  const admitted = doorbells.filter((bell) => bell.gate === undefined);
  const detours: Doorbell[] = [];
  const byPool = Map.groupBy(
    doorbells.filter((bell) => bell.gate !== undefined),
    (bell) => bell.gate?.pool ?? "",
  );
  const asked = [...byPool].map(async ([pool, bells]) => {
    const tickets = bells.flatMap(({ gate }) => (gate ? [gate.ticket] : []));
    const answers: Answer[] | null = await callGate(deps, pool, (gate) => gate.ask(pool, tickets));
    for (const [i, bell] of bells.entries()) {
      if (answers?.[i] === "go") admitted.push(bell);
      if (answers?.[i] === "down") detours.push(bell);
    }
  });
  await Promise.all(asked);
  return { admitted, detours };
}

/** What became of jobs that had a slot, on its way to their gates: one call to a gate at a time. */
export type SlotReturns = { tell(pool: string, jobId: string, report: Report): Promise<void> };

type Line = { news: { id: string; report: Report }[]; sent: PromiseWithResolvers<void>; busy: boolean };

export function createSlotReturns(deps: Deps): SlotReturns {
  const lines = new Map<string, Line>();

  async function send(pool: string, line: Line): Promise<void> {
    line.busy = true;
    while (line.news.length > 0) {
      const { news, sent } = line;
      line.news = [];
      line.sent = Promise.withResolvers();
      // A slot that is not given back is asked about when its time is over.
      await callGate(deps, pool, (gate) => gate.tell(pool, news));
      sent.resolve();
    }
    line.busy = false;
  }

  return {
    tell(pool, id, report) {
      const line = lines.get(pool) ?? { news: [], sent: Promise.withResolvers<void>(), busy: false };
      lines.set(pool, line);
      line.news.push({ id, report });
      const { promise } = line.sent;
      if (!line.busy) void send(pool, line);
      return promise;
    },
  };
}
