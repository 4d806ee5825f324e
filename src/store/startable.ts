// Which jobs could start, whatever else they wait for.

import { NOW } from "./db";

/** Of a row of `jobs`: it waits, its time has come, and it has not expired. */
export const DUE = `state = 'pending' AND run_at <= ${NOW} AND (expires_at IS NULL OR expires_at > ${NOW})`;
