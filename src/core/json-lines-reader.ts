// Reads the lines of a JSON Lines file from bytes as they come, and can begin again at any line.

import { joined } from "./bytes";

/** Where a line begins: its first byte, and its number, from 1. */
export type LinePlace = { offset: number; line: number };

/** `end`: the offset of the next line. A line with a `problem` could not be read. */
export type Line = LinePlace & { end: number } & (
    | { problem: null; bytes: Uint8Array; text: string }
    | { problem: "too_long" | "invalid_utf8" }
  );

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BOM = [0xef, 0xbb, 0xbf];

/** What a line may have besides its content: a byte order mark and a carriage return. */
const MARGIN_BYTES = 4;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Lines without content are left out, and counted. Holds no more than one line of the greatest length. */
export class JsonLinesReader {
  private held: Uint8Array[] = [];
  private heldBytes = 0;
  private isTooLong = false;
  private start: number;
  private at: number;
  private line: number;

  constructor(
    private readonly maxLineBytes: number,
    { offset, line }: LinePlace = { offset: 0, line: 1 },
  ) {
    this.start = offset;
    this.at = offset;
    this.line = line;
  }

  /** The lines that are whole by now. */
  take(chunk: Uint8Array): Line[] {
    const lines: (Line | null)[] = [];
    let from = 0;
    for (let to = chunk.indexOf(NEWLINE); to !== -1; to = chunk.indexOf(NEWLINE, from)) {
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
  }

  private finish(): Line | null {
    const place = { line: this.line, offset: this.start, end: this.at };
    const bytes = this.content();
    const isTooLong = this.isTooLong || bytes.byteLength > this.maxLineBytes;
    this.held = [];
    this.heldBytes = 0;
    this.isTooLong = false;
    this.start = this.at;
    this.line += 1;
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
