// When a stream that is kept for a while ends.

import type { Expiry } from "./stream";

/** A stream that is read and written all the time is not written down as touched each time. */
const TOUCHES_PER_TTL = 8;

/** Milliseconds since 1970; null: never. */
export function endsAt({ ttlS, expiresAt }: Expiry, touchedAt: number): number | null {
  if (ttlS !== null) return touchedAt + ttlS * 1_000;
  return expiresAt === null ? null : Date.parse(expiresAt);
}

/** Whether to note that it is touched now. */
export function isWorthNoting({ ttlS }: Expiry, notedAt: number, now: number): boolean {
  return ttlS !== null && now - notedAt >= (ttlS * 1_000) / TOUCHES_PER_TTL;
}
