// Lines at the end of the terminal that are drawn over, again and again.

import type { Sink } from "./screen.ts";
import { widthOf } from "./width.ts";

const HIDE_CURSOR = "\u001b[?25l";
const SHOW_CURSOR = "\u001b[?25h";
const CLEAR_BELOW = "\u001b[J";
// biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes begin with the escape character
const COLOURS = /\u001b\[\d+m/g;

export class LiveArea {
  private drawn: string[] = [];
  private isOpen = false;

  constructor(private readonly sink: Sink) {}

  draw(lines: string[]): void {
    const text = lines.map((line) => `${line}\n`).join("");
    this.sink.write(`${this.isOpen ? "" : HIDE_CURSOR}${this.back()}${text}`);
    this.isOpen = true;
    this.drawn = lines;
  }

  /** Leaves what was drawn last, and the cursor below it as it was before. */
  close(): void {
    if (this.isOpen) this.sink.write(SHOW_CURSOR);
    this.isOpen = false;
    this.drawn = [];
  }

  private back(): string {
    const rows = rowsTaken(this.drawn, this.sink.columns());
    return rows === 0 ? "" : `\u001b[${rows}A\r${CLEAR_BELOW}`;
  }
}

/** A terminal that has become narrower since has wrapped what was drawn. */
export function rowsTaken(lines: string[], columns: number): number {
  const rows = lines.map((line) => Math.max(1, Math.ceil(widthOf(line.replace(COLOURS, "")) / columns)));
  return rows.reduce((sum, one) => sum + one, 0);
}
