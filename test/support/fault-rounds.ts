// How much the tests of faults try, and from which seed.

import { env } from "cloudflare:workers";

/** 1: a sample that fits into `npm test`. More: every fault at every operation, and so many times as many random ones. */
export const ROUNDS = Number(env.FAULT_ROUNDS);
export const FULL = ROUNDS > 1;

/**
 * Named by each test. FAULT_SEED in the environment brings a failure back. `npm test` takes the same sample each time: what
 * is random belongs where somebody looks into it.
 */
export const SEED = Number(env.FAULT_SEED) || (FULL ? Date.now() % 1_000_000 : 1);
