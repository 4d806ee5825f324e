// Where a text may be cut well: the lines of Markdown, ranked by what begins with them, and what should stay whole.

/** Lines that belong together: a fenced block of code, an item of a list. */
export type Unit = { start: number; end: number };

/** The beginning of a line that is not blank. */
export type Line = { at: number; rank: number; isHeading: boolean; unit: Unit | null };

/** Nothing should be cut off from the heading above it. */
export const AFTER_HEADING = 0;
const LINE = 1;
const ITEM = 2;
const PARAGRAPH = 3;
/** Of a heading of level 1; each level below ranks one lower. */
const HEADING = 10;

const FENCE = /^\s*(`{3,}|~{3,})(.*)$/;
const HEADING_MARK = /^ {0,3}(#{1,6})\s/;
const ITEM_MARK = /^\s*(?:[-*+]|\d{1,9}[.)])\s/;

export function readLines(text: string): Line[] {
  const reader = new LineReader();
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline === -1 ? text.length : newline + 1;
    reader.take(text.slice(start, end).trimEnd(), start);
    start = end;
  }
  reader.end(text.length);
  return reader.lines;
}

class LineReader {
  readonly lines: Line[] = [];
  private unit: Unit | null = null;
  /** The mark that closes the block of code in which the line is. */
  private fence: string | null = null;
  private fenceIsOver = false;
  private afterBlank = false;
  private afterHeading = false;

  take(line: string, at: number): void {
    if (this.fenceIsOver) this.end(at);
    this.fenceIsOver = false;
    if (line === "") {
      this.afterBlank = true;
      return;
    }
    const rank = this.fence === null ? this.readRank(line, at) : this.readCode(line);
    const isHeading = rank > PARAGRAPH;
    // A heading below a heading is both.
    this.lines.push({ at, rank: this.afterHeading ? AFTER_HEADING : rank, isHeading, unit: this.unit });
    this.afterHeading = isHeading;
    this.afterBlank = false;
  }

  /** Closes what is open. */
  end(at: number): void {
    if (this.unit) this.unit.end = at;
    this.unit = null;
  }

  private begin(at: number): void {
    this.end(at);
    this.unit = { start: at, end: at };
  }

  private readRank(line: string, at: number): number {
    const fence = FENCE.exec(line);
    if (fence?.[1] && !(fence[1].startsWith("`") && fence[2]?.includes("`"))) {
      this.begin(at);
      this.fence = fence[1];
      return PARAGRAPH;
    }
    const level = HEADING_MARK.exec(line)?.[1]?.length;
    if (level) {
      this.end(at);
      return HEADING + 1 - level;
    }
    if (ITEM_MARK.test(line)) {
      this.begin(at);
      return ITEM;
    }
    // A line behind a blank one goes on with an item only when it is indented.
    if (this.afterBlank && !/^\s/.test(line)) this.end(at);
    return this.afterBlank ? PARAGRAPH : LINE;
  }

  private readCode(line: string): number {
    if (this.fence && line.trim().startsWith(this.fence) && !FENCE.exec(line)?.[2]?.trim()) {
      this.fence = null;
      this.fenceIsOver = true;
    }
    return this.afterBlank ? PARAGRAPH : LINE;
  }
}

/** The last line that begins at or before `at`. */
export function lineIndexAt(lines: Line[], at: number): number {
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((lines[middle]?.at ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
