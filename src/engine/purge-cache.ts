// Takes answers out of the cache, as many as one request may.

import type { Deps } from "../deps";
import { type PurgeFilter, purgeEntries } from "../store/cache";

/** Slices of 1,000: a request should not take much longer than a second. */
const SLICES = 10;

/** `hasMore`: there are more than one request removes. */
export async function purgeCache(
  deps: Deps,
  projectId: string,
  filter: PurgeFilter,
): Promise<{ purged: number; hasMore: boolean }> {
  let purged = 0;
  for (let i = 0; i < SLICES; i++) {
    const removed = await purgeEntries(deps.db, projectId, filter);
    purged += removed;
    if (removed === 0) return { purged, hasMore: false };
  }
  return { purged, hasMore: true };
}
