// Randomness that can be had again: from a seed, which a failing test names.

export type Random = { below(limit: number): number; pick<T>(list: readonly T[]): T };

/** mulberry32: small, and good enough to choose among faults. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return { below, pick: (list) => list[below(list.length)] as (typeof list)[number] };
}

/** `count` of the list, in their order; all when there are not more. */
export function sample<T>(random: Random, list: T[], count: number): T[] {
  if (list.length <= count) return list;
  const chosen = new Set<number>();
  while (chosen.size < count) chosen.add(random.below(list.length));
  return [...chosen].sort((a, b) => a - b).map((i) => list[i] as T);
}
