// What is done to many jobs at once, as the code sees it.

import type { State } from "./lifecycle";

export const ACTIONS = ["cancel", "retry", "erase", "erase_project", "ring"] as const;
export type Action = (typeof ACTIONS)[number];

/** As the target of `ring`, and of nothing else: the jobs of every project. */
export const ALL_PROJECTS = "";

/** Which jobs; what is left out does not matter. Instants in milliseconds since 1970. */
export type JobFilter = {
  /** `open`: whatever has not ended. */
  state?: State | "open";
  task?: string;
  /** Only `ring` asks for it. */
  pool?: string;
  channel?: string;
  tag?: string;
  fingerprint?: string;
  /** Whose children they are. */
  parent?: string;
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
  /** Where the next slice begins: the id before which it does; for `ring` as store/to-ring.ts says. Null: not begun. */
  position: string | null;
  /** Jobs it has changed so far. */
  changed: number;
  createdAt: number;
  finishedAt: number | null;
  /** When the row was read, by the database's clock. */
  readAt: number;
};
