// When a stream that is kept for a while ends.

import type { Expiry } from "./stream";

/** A stream that is read and written all the time is not written down as touched each time. */
const TOUCHES_PER_TTL = 8;

/** Milliseconds since 1970; null: never. */
export function endsAt({ ttlS, expiresAt }: Expiry, touchedAt: number): number | null {
  if (ttlS !== null) return touchedAt + ttlS * 1_000;
  return expiresAt === null ? null : Date.parse(expiresAt);
}

/** When it may have been touched last, if nobody remembers more than what was noted. */
export function touchedBy({ ttlS }: Expiry, notedAt: number): number {
  return ttlS === null ? notedAt : notedAt + (ttlS * 1_000) / TOUCHES_PER_TTL;
}

/** Whether to note that it is touched now. */
export function isWorthNoting({ ttlS }: Expiry, notedAt: number, now: number): boolean {
  return ttlS !== null && now - notedAt >= (ttlS * 1_000) / TOUCHES_PER_TTL;
}
