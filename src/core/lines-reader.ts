// Reads the lines of a text from bytes as they come, and can begin again at any line.

import { joined } from "./bytes";

/** Where a line begins: its first byte, and its number, from 1. */
export type LinePlace = { offset: number; line: number };

/** `end`: the offset of the next one; `lines`: how many line breaks it takes, its own included. */
export type Span = LinePlace & { end: number; lines: number };

/** A line with a `problem` could not be read. */
export type Line = Span &
  ({ problem: null; bytes: Uint8Array; text: string } | { problem: "too_long" | "invalid_utf8" });

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BOM = [0xef, 0xbb, 0xbf];

/** What a line may have besides its content: a byte order mark and a carriage return. */
const MARGIN_BYTES = 4;

/** Finds the line feed that ends a line, from `from` on; -1: it goes on. `offset` is that of `from`. It is shown each byte once. */
export type FindEnd = (chunk: Uint8Array, from: number, offset: number) => number;

const findLineFeed: FindEnd = (chunk, from) => chunk.indexOf(NEWLINE, from);

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Lines without content are left out, and counted. Holds no more than one line of the greatest length. */
export class LinesReader {
  private held: Uint8Array[] = [];
  private heldBytes = 0;
  private isTooLong = false;
  private start: number;
  private at: number;
  private line: number;
  private breaks = 0;

  /** `findEnd`: for lines in which a line feed may stand. */
  constructor(
    private readonly maxLineBytes: number,
    { offset, line }: LinePlace = { offset: 0, line: 1 },
    private readonly findEnd = findLineFeed,
  ) {
    this.start = offset;
    this.at = offset;
    this.line = line;
  }

  /** The lines that are whole by now. */
  take(chunk: Uint8Array): Line[] {
    const lines: (Line | null)[] = [];
    let from = 0;
    for (;;) {
      const to = this.findEnd(chunk, from, this.at);
      if (to === -1) break;
      this.hold(chunk.subarray(from, to));
      this.at += to + 1 - from;
      lines.push(this.finish());
      from = to + 1;
    }
    const rest = chunk.subarray(from);
    this.at += rest.byteLength;
    // Copied, so that a few bytes do not keep all of the chunk.
    this.hold(rest.slice());
    return lines.filter((line) => line !== null);
  }

  /** The last line, if no line break ends it. */
  end(): Line[] {
    const last = this.at > this.start ? this.finish() : null;
    return last ? [last] : [];
  }

  private hold(bytes: Uint8Array): void {
    this.isTooLong ||= this.heldBytes + bytes.byteLength > this.maxLineBytes + MARGIN_BYTES;
    if (this.isTooLong) this.held = [];
    else if (bytes.byteLength > 0) this.held.push(bytes);
    this.heldBytes += bytes.byteLength;
    for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) this.breaks += 1;
  }

  private finish(): Line | null {
    const lines = this.breaks + 1;
    const place = { line: this.line, offset: this.start, end: this.at, lines };
    const bytes = this.content();
    const isTooLong = this.isTooLong || bytes.byteLength > this.maxLineBytes;
    this.held = [];
    this.heldBytes = 0;
    this.isTooLong = false;
    this.start = this.at;
    this.line += lines;
    this.breaks = 0;
    if (isTooLong) return { ...place, problem: "too_long" };
    const text = decode(bytes);
    if (text === null) return { ...place, problem: "invalid_utf8" };
    return text.trim() === "" ? null : { ...place, problem: null, bytes, text };
  }

  private content(): Uint8Array {
    const bytes = joined(this.held);
    const from = this.start === 0 && BOM.every((byte, i) => bytes[i] === byte) ? BOM.length : 0;
    return bytes.subarray(from, bytes.at(-1) === RETURN ? -1 : undefined);
  }
}

function decode(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}
