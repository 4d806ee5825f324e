// The wire between a process and its bindings: numbers every operation, and does to it what the plan says.

/** `fail`: never arrives, is refused. `lose`: done, its reply is lost. `hang`: never arrives, never answers. `die`: the end. */
export const FAULT_KINDS = ["fail", "lose", "hang", "hang after", "die", "die after"] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** As a fault, but the process stops only until it is thawed. */
export type Mishap = FaultKind | "freeze" | "freeze after";

/** What an operation goes to. */
export type Place = "d1" | "r2" | "queue" | "hub" | "clock" | "gate" | "model";

/** `n`: its place among all operations of a world. */
export type Op = { n: number; process: string; place: Place; name: string; mishap?: Mishap | Error | null };

/** What happens to an operation; an Error: it is refused with it. */
export type Plan = (op: Op) => Mishap | Error | null;

export type Wire = {
  /** Does an operation, unless the plan has something else in mind. */
  pass<T>(place: Place, name: string, send: () => Promise<T>): Promise<T>;
  /** Resolves when the process has died. */
  death: Promise<void>;
  isDead(): boolean;
  isFrozen(): boolean;
  /** Resolves when it has been frozen. */
  frost: Promise<void>;
  thaw(): void;
};

const REFUSALS: Record<Place, string> = {
  d1: "D1_ERROR: Network connection lost.",
  r2: "get: We encountered an internal error. Please try again. (10001)",
  queue: "Queue send failed",
  hub: "Network connection lost.",
  clock: "Network connection lost.",
  gate: "Network connection lost.",
  model: "Network connection lost.",
};

export const OVERLOAD = new Error("D1_ERROR: D1 DB is overloaded. Requests queued for too long.");

/** Of all wires of a world. */
export type Traffic = { ops: Op[]; busy: number; plan: Plan };

const never = () => new Promise<never>(() => {});

export function createWire(process: string, traffic: Traffic): Wire {
  const death = Promise.withResolvers<void>();
  const frost = Promise.withResolvers<void>();
  let dead = false;
  let ice: PromiseWithResolvers<void> | null = null;

  function die(): Promise<never> {
    dead = true;
    death.resolve();
    return never();
  }

  function freeze(): Promise<void> {
    ice ??= Promise.withResolvers<void>();
    frost.resolve();
    return ice.promise;
  }

  /** A model may take forever, and so may a gate that has died: neither is waited for. What a gate does has its own wire. */
  async function counted<T>(place: Place, send: () => Promise<T>): Promise<T> {
    if (place === "model" || place === "gate") return send();
    traffic.busy += 1;
    try {
      return await send();
    } finally {
      traffic.busy -= 1;
    }
  }

  /** What was under way when the process stopped is done, but nobody hears of it. */
  async function heard<T>(place: Place, send: () => Promise<T>): Promise<T> {
    try {
      return await counted(place, send);
    } finally {
      if (dead) await never();
      if (ice) await ice.promise;
    }
  }

  async function pass<T>(place: Place, name: string, send: () => Promise<T>): Promise<T> {
    if (dead) return never();
    if (ice) await ice.promise;
    const op: Op = { n: traffic.ops.length + 1, process, place, name };
    traffic.ops.push(op);
    const mishap = traffic.plan(op);
    op.mishap = mishap;
    if (mishap instanceof Error) throw mishap;
    switch (mishap) {
      case null:
        return heard(place, send);
      case "fail":
        throw new Error(REFUSALS[place]);
      case "lose":
        await heard(place, send).catch(() => {});
        throw new Error(REFUSALS[place]);
      case "hang":
        return never();
      case "hang after":
        await heard(place, send).catch(() => {});
        return never();
      case "die":
        return die();
      case "die after":
        await counted(place, send).catch(() => {});
        return die();
      case "freeze":
        await freeze();
        return heard(place, send);
      case "freeze after": {
        const answer = await counted(place, send);
        await freeze();
        return answer;
      }
    }
  }

  return {
    pass,
    death: death.promise,
    isDead: () => dead,
    isFrozen: () => ice !== null,
    frost: frost.promise,
    thaw() {
      ice?.resolve();
      ice = null;
    },
  };
}

/** One mishap at one operation, and others at others. */
export function at(mishaps: Record<number, Mishap>): Plan {
  return (op) => mishaps[op.n] ?? null;
}

export const atPeace: Plan = () => null;
