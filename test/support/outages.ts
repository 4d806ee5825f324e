// Plans in which a part of the system is away for a while, rather than once.

import { type Mishap, OVERLOAD, type Place, type Plan } from "./fault-wire";
import { elapsedMs } from "./virtual-time";

/** How it is away. */
export const WAYS_TO_BE_AWAY: Record<string, Mishap | Error> = {
  refuses: "fail",
  "loses its replies": "lose",
  hangs: "hang",
  "is overloaded": OVERLOAD,
};

export type Outage = { places: Place[]; way: keyof typeof WAYS_TO_BE_AWAY; from: number };

/** From an operation on, for so many milliseconds of virtual time. */
export function awayFor(ms: number, { places, way, from }: Outage): Plan {
  let since: number | null = null;
  return (op) => {
    if (op.n >= from) since ??= elapsedMs();
    if (since === null || elapsedMs() - since >= ms || !places.includes(op.place)) return null;
    return WAYS_TO_BE_AWAY[way] ?? null;
  };
}

/** From an operation on, for so many calls. */
export function awayForCalls(calls: number, { places, way, from }: Outage): Plan {
  let left = calls;
  return (op) => {
    if (op.n < from || left === 0 || !places.includes(op.place)) return null;
    left -= 1;
    return WAYS_TO_BE_AWAY[way] ?? null;
  };
}
