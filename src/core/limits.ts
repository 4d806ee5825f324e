// Every bound Errand sets itself, in one place. Platform limits they come from are in docs/operations.md.

export const LIMITS = {
  inputBytes: 1_000_000,
  metadataBytes: 16_384,
  jsonDepth: 64,
  tags: 10,
  tagLength: 64,
  channelLength: 128,
  fairKeyLength: 128,
  concurrencyKeyLength: 128,
  concurrency: 10_000,
  idempotencyKeyLength: 255,
  jobBodyBytes: 1_100_000,
  bulkJobs: 1_000,
  bulkBodyBytes: 10_000_000,
  documentBytes: 10_000_000,
  batchItems: 1_000,
  batchFileItems: 50_000,
  corpusTexts: 100_000,
  corpusLineBytes: 250_000,
  customIdLength: 255,
  smallBodyBytes: 64_000,
  streamNameLength: 128,
  streamAppendBytes: 8_000_000,
  streamTtlS: 3_650 * 86_400,
  producerIdLength: 256,
  fileBytes: 200_000_000,
  fileNameLength: 255,
  urlLength: 2_048,
  instructionsLength: 10_000,
  contentTypeLength: 255,
  waitS: 60,
  maxAttempts: 100,
  timeoutS: 780,
  delayS: 366 * 86_400,
  expiresInS: 366 * 86_400,
  tokenTtlS: 3_600,
  retentionS: 3_650 * 86_400,
  cacheTtlS: 30 * 86_400,
  cacheScopeLength: 128,
  pageSize: 100,
} as const;

/** Larger inputs and outputs live in R2, and not in the row. */
export const INLINE_BYTES = 8_192;

/** What a row takes of one text when R2 is away: with a large input and a large output it stays below D1's 2 MB. */
export const ROW_TEXT_BYTES = 700_000;

/** Outputs up to this size are part of the job on the wire; larger ones are fetched from `output_url`. */
export const SHOWN_OUTPUT_BYTES = 131_072;

/** Attempts that a job remembers, the newest ones. */
export const KEPT_ATTEMPTS = LIMITS.maxAttempts;

/** Characters of an error's message that a job keeps. */
export const KEPT_MESSAGE = 2_000;

/** How often a task may return `again`. */
export const MAX_TURNS = 1_000;

/** Runs of a job from which on a refusal for its rate uses an attempt like any failure, so that no job goes round for ever. */
export const MAX_FREE_RUNS = 1_000;

/** When somebody looks again at what should have been done. Settings (TIMING), so that a test need not wait. */
export type Timing = {
  /** A run that is not renewed for this long counts as dead. */
  leaseMs: number;
  /** A doorbell that nobody answered is rung again after this long, then twice as long, up to LAST_RING_CHECK_MS. */
  ringCheckMs: number;
  /** While there is something open, the clock looks at least this often. */
  passEveryMs: number;
  /** Runs of a job that may die without a word; the last of them fails the job. */
  maxCrashes: number;
};

export const TIMING: Timing = { leaseMs: 60_000, ringCheckMs: 30_000, passEveryMs: 30_000, maxCrashes: 3 };

export const LAST_RING_CHECK_MS = 900_000;

/**
 * So many times later somebody looks at a job of the bulk lane for the first time: thousands of them wait for their doorbells
 * to come round, and each look is a row or two.
 */
export const BULK_PATIENCE = 10;

/** A job in line at a gate is the gate's to ring, and the clock looks after the gates: nothing is written for its waiting. */
export const LINE_CHECK_MS = 86_400_000;
