// Every bound Errand sets itself, in one place. Platform limits they come from are in docs/operations.md.

export const LIMITS = {
  inputBytes: 1_000_000,
  metadataBytes: 16_384,
  jsonDepth: 64,
  tags: 10,
  tagLength: 64,
  channelLength: 128,
  idempotencyKeyLength: 255,
  jobBodyBytes: 1_100_000,
  bulkJobs: 1_000,
  bulkBodyBytes: 10_000_000,
  smallBodyBytes: 64_000,
  waitS: 60,
  maxAttempts: 100,
  timeoutS: 780,
  delayS: 366 * 86_400,
  expiresInS: 366 * 86_400,
  tokenTtlS: 3_600,
  pageSize: 100,
} as const;

/** Larger inputs and outputs live in R2, and not in the row. */
export const INLINE_BYTES = 8_192;

/** Outputs up to this size are part of the job on the wire; larger ones are fetched from `output_url`. */
export const SHOWN_OUTPUT_BYTES = 131_072;

/** Attempts that a job remembers, the newest ones. */
export const KEPT_ATTEMPTS = 20;

/** How often a task may return `again`. */
export const MAX_TURNS = 1_000;

/** How often a job is taken over from a run that died without a word; when the next one dies too, it is given up. */
export const MAX_CRASHES = 3;

/** A run that is not renewed for this long counts as dead. */
export const LEASE_MS = 60_000;

/** A doorbell that nobody answered is rung again after this long, then twice as long, up to the second value. */
export const FIRST_RING_CHECK_MS = 30_000;
export const LAST_RING_CHECK_MS = 900_000;
