// What is done to many jobs at once, as the code sees it.

import type { State } from "./lifecycle";

export const ACTIONS = ["cancel", "retry", "erase", "erase_project"] as const;
export type Action = (typeof ACTIONS)[number];

/** Which jobs; what is left out does not matter. Instants in milliseconds since 1970. */
export type JobFilter = {
  /** `open`: whatever has not ended. */
  state?: State | "open";
  task?: string;
  channel?: string;
  tag?: string;
  fingerprint?: string;
  createdAfter?: number;
  createdBefore?: number;
};

export type Operation = {
  projectId: string;
  id: string;
  action: Action;
  /** The project whose jobs they are. */
  target: string;
  filter: JobFilter;
  /** Jobs a second that are started; null: all at once. */
  rate: number | null;
  /** The id before which the next slice begins; null: at the newest job. */
  position: string | null;
  /** Jobs it has changed so far. */
  changed: number;
  createdAt: number;
  finishedAt: number | null;
  /** When the row was read, by the database's clock. */
  readAt: number;
};
