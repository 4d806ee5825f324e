// Jobs for simulations of the gate: what they ask for, and what they use really.

import type { Ticket } from "../../src/core/gate/gate";
import { type SimulatedJob, START } from "./gate-simulator";
import type { Random } from "./random";

export const TICKET: Ticket = {
  projectId: "p",
  id: "job_0",
  task: "generate",
  lane: "default",
  priority: 0,
  runAt: START,
  inputChars: 400,
  maxOutputTokens: null,
  fairKey: null,
  concurrency: null,
  hasDetour: false,
};

export type Load = { inputTokens: number; outputTokens: number; noise: number; runMs: number };

/** Around 1, on average 1. `noise` is its standard deviation. */
export function lognormal(random: Random, noise: number): number {
  const variance = Math.log(1 + noise * noise);
  const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  return Math.exp(normal * Math.sqrt(variance) - variance / 2);
}

let made = 0;

/** Ids in the order in which they were made, as the real ones are. */
export function nextId(): string {
  made++;
  return `job_${String(made).padStart(9, "0")}`;
}

export function simulatedJob(random: Random, load: Load, ticket: Partial<Ticket> = {}): SimulatedJob {
  const noisy = (mean: number) => Math.max(1, Math.round(mean * lognormal(random, load.noise)));
  const inputTokens = noisy(load.inputTokens);
  // Characters tell the tokens only roughly: 3.4 of them are one, give or take a tenth.
  const inputChars = Math.round(inputTokens * 3.4 * (0.9 + 0.2 * random.next()));
  return {
    ticket: { ...TICKET, id: nextId(), inputChars, ...ticket },
    inputTokens,
    outputTokens: noisy(load.outputTokens),
    runMs: Math.round(load.runMs * lognormal(random, load.noise)),
  };
}

export function simulatedJobs(
  count: number,
  random: Random,
  load: Load,
  ticket: Partial<Ticket> = {},
): SimulatedJob[] {
  return Array.from({ length: count }, () => simulatedJob(random, load, ticket));
}
