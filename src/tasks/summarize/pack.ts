// Packs texts into groups for one call each, in their order.

/**
 * Groups within `limit`, except where that would leave one with a single item: there are always fewer groups than items, so
 * that packing again and again comes to one group.
 */
export function pack<T>(items: T[], sizeOf: (item: T) => number, limit: number): T[][] {
  const groups: T[][] = [];
  let group: T[] = [];
  let size = 0;
  for (const item of items) {
    const more = sizeOf(item);
    if (group.length >= 2 && size + more > limit) {
      groups.push(group);
      group = [];
      size = 0;
    }
    group.push(item);
    size += more;
  }
  const last = groups.at(-1);
  if (group.length === 1 && last) last.push(...group);
  else if (group.length > 0) groups.push(group);
  return groups;
}
