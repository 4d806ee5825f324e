// Moves time by editing rows: what was to come has been.

import { changeRow } from "./rows";

const PAST_MS = 5_000;
const ago = () => Date.now() - PAST_MS;

/** The job may start, and the clock must look at it. */
export const fallDue = (id: string, at = ago()) => changeRow(id, { run_at: at, wake_at: at });

/** The clock must look at it. */
export const wake = (id: string) => changeRow(id, { wake_at: ago() });

/** Its run has not been heard of for longer than the lease, and the clock must look at it. */
export const endLease = (id: string) => changeRow(id, { lease_until: ago(), wake_at: ago() });

/** Its time is over, and the clock must look at it. */
export const runOut = (id: string) => changeRow(id, { expires_at: ago(), wake_at: ago() });
