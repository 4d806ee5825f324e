// The cursor of live reads: it changes every 20 seconds, so that caches on the way can join readers who wait for the same,
// and never comes back to a value that a reader has had, so that none goes in circles.

const INTERVAL_S = 20;
const MOST_JITTER_S = 3_600;
const EPOCH_MS = Date.UTC(2026, 0, 1);

/** `had`: the one that the reader sends along. `random`: 0 to 1. */
export function nextCursor(had: string | undefined, nowMs: number, random: number): string {
  const present = Math.floor((nowMs - EPOCH_MS) / 1_000 / INTERVAL_S);
  const last = /^\d{1,15}$/.test(had ?? "") ? Number(had) : -1;
  if (last < present) return String(present);
  return String(last + Math.max(1, Math.ceil((random * MOST_JITTER_S) / INTERVAL_S)));
}
