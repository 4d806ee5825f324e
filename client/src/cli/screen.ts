// Where a command writes: results to stdout and nothing else, all that is only for a person to stderr.

import { wrap } from "./width.ts";

/** One of the two streams. */
export type Sink = {
  write(text: string): void;
  isTty: boolean;
  /** Of the terminal; without one there is no end to a line, unless COLUMNS says so. */
  columns: () => number;
  rows: () => number;
  hasColours: boolean;
};

export type Colour = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

const CODES: Record<Colour, number> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };

export class Screen {
  constructor(
    readonly out: Sink,
    readonly err: Sink,
    readonly isJson: boolean,
  ) {}

  get width(): number {
    return this.out.columns();
  }

  print(...lines: string[]): void {
    for (const line of lines) this.out.write(`${line}\n`);
  }

  /** On a line of its own. */
  printJson(value: unknown): void {
    this.print(JSON.stringify(value));
  }

  hint(text: string): void {
    for (const line of wrap(text, this.err.columns())) this.err.write(`${paintOn(this.err, "dim", line)}\n`);
  }

  paint(colour: Colour, text: string): string {
    return paintOn(this.out, colour, text);
  }
}

export function paintOn(sink: Sink, colour: Colour, text: string): string {
  return sink.hasColours && text !== "" ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text;
}
