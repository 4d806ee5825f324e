// Reads the records of a CSV file (RFC 4180) from bytes as they come, and can begin again at any of them.

import { type Line, type LinePlace, LinesReader, type Span } from "./lines-reader";

/** A record with a `problem` could not be read. */
export type CsvRecord = Span &
  ({ problem: null; fields: string[] } | { problem: "too_long" | "invalid_utf8" | "open_quote" });

const QUOTE = 0x22;
const COMMA = 0x2c;
const NEWLINE = 0x0a;
const BOM = [0xef, 0xbb, 0xbf];

/** Records without content are left out, and counted. Holds no more than one record of the greatest length. */
export class CsvReader {
  private readonly lines: LinesReader;
  private isQuoted = false;
  /** Where a quote opens a field, or goes on with one that seemed to be over: the second of a pair. */
  private mayOpen = true;

  constructor(maxRecordBytes: number, place?: LinePlace) {
    this.lines = new LinesReader(maxRecordBytes, place, (chunk, from, offset) =>
      this.findEnd(chunk, from, offset),
    );
  }

  /** The records that are whole by now. */
  take(chunk: Uint8Array): CsvRecord[] {
    return this.lines.take(chunk).map(toRecord);
  }

  /** The last record, if no line break ends it. */
  end(): CsvRecord[] {
    const isOpen = this.isQuoted;
    return this.lines
      .end()
      .map((line) => (isOpen ? { ...spanOf(line), problem: "open_quote" } : toRecord(line)));
  }

  private findEnd(chunk: Uint8Array, from: number, offset: number): number {
    for (let i = from; i < chunk.length; i++) {
      const byte = chunk[i];
      if (this.isQuoted) {
        if (byte !== QUOTE) continue;
        this.isQuoted = false;
        this.mayOpen = true;
      } else if (byte === QUOTE && this.mayOpen) {
        this.isQuoted = true;
      } else {
        this.mayOpen = byte === COMMA || byte === NEWLINE || byte === BOM[offset + i - from];
        if (byte === NEWLINE) return i;
      }
    }
    return -1;
  }
}

function toRecord(line: Line): CsvRecord {
  const span = spanOf(line);
  return line.problem === null
    ? { ...span, problem: null, fields: fieldsOf(line.text) }
    : { ...span, problem: line.problem };
}

function spanOf({ line, offset, end, lines }: Line): Span {
  return { line, offset, end, lines };
}

function fieldsOf(text: string): string[] {
  const fields: string[] = [];
  for (let at = 0; ; ) {
    const quoted = text[at] === '"' ? unquote(text, at + 1) : { value: "", end: at };
    const comma = text.indexOf(",", quoted.end);
    const end = comma === -1 ? text.length : comma;
    // What stands behind a closing quote is taken as it is.
    fields.push(quoted.value + text.slice(quoted.end, end));
    if (comma === -1) return fields;
    at = comma + 1;
  }
}

/** From behind the opening quote; `end` is behind the closing one. */
function unquote(text: string, from: number): { value: string; end: number } {
  let value = "";
  for (let at = from; ; ) {
    const quote = text.indexOf('"', at);
    value += text.slice(at, quote);
    if (text[quote + 1] !== '"') return { value, end: quote + 1 };
    value += '"';
    at = quote + 2;
  }
}
