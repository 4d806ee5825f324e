// What a gate needs to know: the limits of its pool, and of each job in line what decides its turn.

import type { Lane } from "../lifecycle";

/** Requests and tokens a minute and a day (UTC), calls at the same time. Null: no limit. */
export type PoolLimits = {
  rpm: number | null;
  tpm: number | null;
  rpd: number | null;
  tpd: number | null;
  concurrency: number | null;
};

/** A job in line. Names and numbers only. */
export type Ticket = {
  projectId: string;
  id: string;
  task: string;
  lane: Lane;
  /** -100 to 100, higher first. */
  priority: number;
  /** Since when it is in line, ms since 1970. */
  runAt: number;
  /** Characters of the input. */
  inputChars: number;
  maxOutputTokens: number | null;
  /** An end user below the project. */
  fairKey: string | null;
  concurrency: { key: string; limit: number } | null;
  /** Has another pool to go to when this one is down. */
  hasDetour: boolean;
};
