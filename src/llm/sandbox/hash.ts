// Numbers that look random and are always the same for the same text.

/** 32 bits: FNV-1a, with murmur's finish, because without it `job:1` and `job:2` stay near one another. */
export function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** From 0 up to, not including, 1. */
export function hashFraction(text: string): number {
  return hash(text) / 2 ** 32;
}
