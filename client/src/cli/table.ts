// Tables that fit the terminal: columns shrink first, then the least needed are left out.

import { cut, pad, widthOf } from "./width.ts";

export type Column<Row> = {
  title: string;
  /** What stands there; `width` is for what can be drawn in any. */
  cell(row: Row, width: number): string;
  align?: "left" | "right";
  /** It may shrink down to this. Default: not at all. */
  least?: number;
  /** It may be left out: when there is nothing in it, and when there is no room, the highest first. */
  spare?: number;
  /** How it is cut when it has to shrink. Default: at its end. */
  cut?(text: string, width: number): string;
  /** After it was fitted, because colours have no width. */
  paint?(text: string, row: Row): string;
};

type Fitted<Row> = { column: Column<Row>; width: number };

const GAP = "  ";

/** The head and a line for each row, none wider than `width`. */
export function drawTable<Row>(
  columns: Column<Row>[],
  rows: readonly Row[],
  width: number,
  head: (text: string) => string = (text) => text,
): string[] {
  const fitted = fit(columns, rows, width);
  const titles = fitted.map(({ column, width }, i) => ({
    text: place(cut(column.title, width), width, column.align, i === fitted.length - 1),
    paint: head,
  }));
  return [titles, ...rows.map((row) => cellsOf(fitted, row))].map((cells) => join(cells, width));
}

type Cell = { text: string; paint?: (text: string) => string };

function cellsOf<Row>(fitted: Fitted<Row>[], row: Row): Cell[] {
  return fitted.map(({ column, width }, i) => ({
    text: place(
      (column.cut ?? cut)(column.cell(row, width), width),
      width,
      column.align,
      i === fitted.length - 1,
    ),
    paint: column.paint && ((text) => column.paint?.(text, row) ?? text),
  }));
}

function place(text: string, width: number, align: Column<unknown>["align"], isLast: boolean): string {
  return isLast && align !== "right" ? text : pad(text, width, align);
}

function join(cells: Cell[], width: number): string {
  const plain = cells.map(({ text }) => text).join(GAP);
  // Too narrow even for what may neither shrink nor go.
  if (widthOf(plain) > width) return cut(plain, width);
  return cells
    .map(({ text, paint = (text) => text }) => paint(text))
    .join(GAP)
    .trimEnd();
}

function fit<Row>(columns: Column<Row>[], rows: readonly Row[], width: number): Fitted<Row>[] {
  const filled = columns.filter(
    ({ spare, cell }) => spare === undefined || rows.some((row) => cell(row, 1) !== ""),
  );
  const all = filled.map((column) => ({ column, width: naturalWidth(column, rows) }));
  const kept = leaveOut(all, width);
  shrink(kept, width);
  return kept;
}

function naturalWidth<Row>(column: Column<Row>, rows: readonly Row[]): number {
  const cells = rows.map((row) => widthOf(column.cell(row, Number.POSITIVE_INFINITY)));
  return cells.reduce((most, one) => Math.max(most, one), widthOf(column.title));
}

function leaveOut<Row>(all: Fitted<Row>[], width: number): Fitted<Row>[] {
  const least = all.map(({ column, width }) => ({
    column,
    width: Math.min(width, column.least ?? width),
  }));
  if (total(least) <= width) return all;
  const spare = all.filter(({ column }) => column.spare !== undefined);
  const first = spare.sort((a, b) => (b.column.spare ?? 0) - (a.column.spare ?? 0))[0];
  if (!first) return all;
  return leaveOut(
    all.filter((one) => one !== first),
    width,
  );
}

/** Takes from the widest that may shrink, one cell at a time. */
function shrink<Row>(fitted: Fitted<Row>[], width: number): void {
  for (let excess = total(fitted) - width; excess > 0; excess--) {
    const able = fitted.filter((one) => one.width > (one.column.least ?? one.width));
    const widest = able.sort((a, b) => b.width - a.width)[0];
    if (!widest) return;
    widest.width -= 1;
  }
}

function total(fitted: { width: number }[]): number {
  return fitted.reduce((sum, one) => sum + one.width, GAP.length * Math.max(0, fitted.length - 1));
}
