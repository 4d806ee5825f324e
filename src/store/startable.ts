// Which jobs could start, whatever else they wait for.

import { NOW } from "./db";

/** Of a row of `jobs`: it is nobody's child, or its parent has not ended. */
export const PARENT_IS_OPEN = `(parent_id IS NULL OR EXISTS (SELECT 1 FROM jobs AS parent
  WHERE parent.project_id = jobs.project_id AND parent.id = jobs.parent_id
    AND parent.state IN ('pending', 'running', 'waiting')))`;

/**
 * Of a row of `jobs`: it waits, its time has come, and it has not expired. A child whose parent has ended is about to be
 * cancelled, and costs nothing any more.
 */
export const DUE = `state = 'pending' AND run_at <= ${NOW} AND (expires_at IS NULL OR expires_at > ${NOW}) AND ${PARENT_IS_OPEN}`;
