// Jobs that others wait for: what a parent says of them, and what their ids are.

/** What becomes of a parent when a child does not complete: it fails, waits for the others, or goes on at once. */
export const CHILD_FAILURES = ["fail", "ignore", "continue"] as const;
export type OnChildFailure = (typeof CHILD_FAILURES)[number];

/** How many parents a job may have above it. */
export const MAX_DEPTH = 4;

/** How many children a job may have, over all its turns. */
export const MAX_CHILDREN = 100_000;

/** Children as their parent's row counts them, with what those that have ended have used. */
export type ChildCounts = {
  total: number;
  completed: number;
  failed: number;
  cancelled: number;
  inputTokens: number;
  outputTokens: number;
  nanoUsd: number;
};

export function openChildren({ total, completed, failed, cancelled }: ChildCounts): number {
  return total - completed - failed - cancelled;
}

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const INDEX_DIGITS = 4;
const NAME_DIGITS = 12;

/**
 * The id of a parent's child number `index`, from 0. It is the same whoever computes it, so that a turn which is told twice
 * makes no child twice; and all children of a parent lie side by side in the table, in their order, without an index.
 */
export function childId(parentId: string, index: number): string {
  return `${prefixOf(parentId)}${digits(BigInt(index), INDEX_DIGITS)}`;
}

/** Which of its parent's children it is. */
export function childIndex(id: string): number {
  let index = 0;
  for (const digit of id.slice(-INDEX_DIGITS)) index = index * 32 + CROCKFORD.indexOf(digit);
  return index;
}

/** The ids of all children of a parent are at least the first and at most the last of these. */
export function childRange(parentId: string): { first: string; last: string } {
  const prefix = prefixOf(parentId);
  return { first: `${prefix}${"0".repeat(INDEX_DIGITS)}`, last: `${prefix}${"Z".repeat(INDEX_DIGITS)}` };
}

/** The time of the parent, and 60 bits that stand for its name. */
function prefixOf(parentId: string): string {
  return `${parentId.slice(0, "job_".length + 10)}${digits(fnv1a(parentId), NAME_DIGITS)}`;
}

/** FNV-1a over 64 bits. Ids of the same millisecond often differ in one letter only, which never collide. */
function fnv1a(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (let i = 0; i < text.length; i++) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(i))) * 0x100000001b3n);
  }
  return hash;
}

function digits(value: bigint, count: number): string {
  let text = "";
  for (let left = value, i = 0; i < count; i++, left >>= 5n) text = CROCKFORD[Number(left & 31n)] + text;
  return text;
}
