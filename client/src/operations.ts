// `errand.operations`: how far a cancel or retry of many jobs is.

import type { Http } from "./http.ts";
import { sleep } from "./pause.ts";
import type { CallOptions } from "./submit-options.ts";
import type { Operation } from "./wire-service.ts";

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 3_000;

export class Operations {
  constructor(private readonly http: Http) {}

  get(id: string, { signal }: CallOptions = {}): Promise<Operation> {
    return this.http.json({ method: "GET", path: `/v1/operations/${encodeURIComponent(id)}`, signal });
  }

  /** The operation as it is, and each time it is looked at, until it is completed. */
  async *follow(
    operation: Operation,
    { signal }: CallOptions = {},
  ): AsyncGenerator<Operation, void, undefined> {
    let now = operation;
    for (let ms = FIRST_PAUSE_MS; ; ms = Math.min(2 * ms, LONGEST_PAUSE_MS)) {
      yield now;
      if (now.state === "completed") return;
      await sleep(ms, signal);
      now = await this.get(now.id, { signal });
    }
  }
}
