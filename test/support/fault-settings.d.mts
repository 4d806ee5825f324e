// Types of fault-settings.mjs.

export const faultRounds: number;
export const faultSeed: number;
