// Types of wire.mjs.

export type Wire = {
  url: string;
  /** Breaks every connection off; new ones get through. */
  cut(): void;
  stop(): Promise<void>;
};

/** To a port of this machine, whether or not anybody listens there yet. */
export function layWire(port: number): Promise<Wire>;
