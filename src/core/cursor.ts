// Places in a hub's history: the publish they came with, and their place in it.

/** After the event at `index` of publish number `seq`; `index` -1 is before the first of them. */
export type Cursor = { seq: number; index: number };

export function formatCursor({ seq, index }: Cursor): string {
  return `${seq}.${index + 1}`;
}

/** Null: not a cursor. */
export function parseCursor(text: string): Cursor | null {
  const match = /^(\d{1,15})\.(\d{1,6})$/.exec(text);
  return match ? { seq: Number(match[1]), index: Number(match[2]) - 1 } : null;
}
