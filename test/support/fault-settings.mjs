// How hard the crash tests try: FAULT_ROUNDS kills (20 or more on demand), moments and jobs by FAULT_SEED.

export const faultRounds = Math.max(1, Number(process.env.FAULT_ROUNDS ?? 3));
export const faultSeed = Number(process.env.FAULT_SEED ?? Math.floor(Math.random() * 1e9));
