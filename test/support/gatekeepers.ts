// The gates of a world: each with a wire of its own, so that it can lose what it reads and rings, and die.

import { Gatekeeper } from "../../src/durable/gatekeeper";
import { type TestDeps, testDeps } from "./deps";
import { createWire, type Traffic, type Wire } from "./fault-wire";
import { elapsedMs } from "./virtual-time";
import { type Keepers, type Mail, wiredBindings } from "./wired-bindings";

const EPOCH_MS = 1_700_000_000_000;

/** `pending`: calls of which it has answered none yet. */
type Living = { keeper: Gatekeeper; deps: TestDeps; wire: Wire; pending: number };

export class Gatekeepers implements Keepers {
  private readonly living = new Map<string, Living>();
  /** What each pool's object has stored: it outlives the object. */
  private readonly stores = new Map<string, Map<string, unknown>>();

  constructor(
    private readonly traffic: Traffic,
    private readonly mail: Mail,
  ) {}

  /** Asks the one that lives; a new one when the last has died. */
  async ask<T>(pool: string, act: (keeper: Gatekeeper) => Promise<T>): Promise<T> {
    const living = this.of(pool);
    living.pending += 1;
    try {
      return await act(living.keeper);
    } finally {
      living.pending -= 1;
    }
  }

  private of(pool: string): Living {
    const present = this.living.get(pool);
    if (present && !present.wire.isDead()) return present;
    const wire = createWire(`gate ${pool}`, this.traffic);
    const noModel = () => Promise.reject(new Error("a gate calls no model"));
    // The clock of an object does not go back, as that of the world does when it meets the database's.
    const now = () => EPOCH_MS + elapsedMs();
    const deps = testDeps({ ...wiredBindings("gate", wire, this.mail, this, noModel), now });
    const stored = this.stores.get(pool) ?? new Map<string, unknown>();
    this.stores.set(pool, stored);
    const store = {
      get: <T>(key: string) => structuredClone(stored.get(key)) as T | undefined,
      put: (key: string, value: unknown) => void stored.set(key, structuredClone(value)),
    };
    const made = { keeper: new Gatekeeper(deps, pool, store), deps, wire, pending: 0 };
    this.living.set(pool, made);
    return made;
  }

  /** Those that wait for an answer which will not come end, as objects do at a deploy; the others live on. */
  dropStuck(): void {
    for (const [pool, { pending }] of this.living) if (pending > 0) this.living.delete(pool);
  }

  /** As their alarms do. Resolves when each has looked, failed to, or died. */
  async lookAround(): Promise<void> {
    await Promise.all(
      [...this.living].map(async ([pool, { deps, wire }]) => {
        const looked = this.ask(pool, (keeper) => keeper.lookAround()).catch(() => {});
        await Promise.race([looked.then(() => deps.backgroundDone()), wire.death]);
      }),
    );
  }
}
