// What a task returns. One place (engine/settle.ts) turns it into exactly one move.

export type Outcome<Output = unknown> =
  | { kind: "done"; output: Output }
  | { kind: "again"; state: unknown; delayMs: number };

/** The job is complete with this output. */
export function done<Output>(output: Output): Outcome<Output> {
  return { kind: "done", output };
}

/** Go on later, in a fresh run, with `state` as `ctx.state`. Uses no attempt. */
export function again(state: unknown, delayMs = 0): Outcome<never> {
  return { kind: "again", state, delayMs };
}
