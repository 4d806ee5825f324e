// Reads multipart/form-data as it comes (RFC 7578): the head of each part, then its content piece by piece, held nowhere.
//
// The libraries either hold a part until it is whole, or lose bytes where a delimiter is cut by the border of a chunk.

import { joined } from "./bytes";
import { AppError } from "./errors";

export type FormPiece =
  | { kind: "head"; name: string; filename: string | null; contentType: string | null }
  | { kind: "data"; bytes: Uint8Array };

/** The head of a part, and the line of a delimiter. */
const MAX_HEAD_BYTES = 8_192;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const LINE_END = encoder.encode("\r\n");
const HEAD_END = encoder.encode("\r\n\r\n");

/** What a Content-Type names as its boundary; null: none. */
export function boundaryOf(contentType: string): string | null {
  const match = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType);
  return match?.[1] ?? match?.[2] ?? null;
}

export class MultipartForm {
  private readonly delimiter: Uint8Array;
  // The first delimiter need not stand after a line break.
  private held: Uint8Array = LINE_END;
  private state: "before" | "delimiter" | "head" | "data" | "over" = "before";

  constructor(boundary: string) {
    this.delimiter = encoder.encode(`\r\n--${boundary}`);
  }

  /** Throws `invalid_request` for what is no form. */
  take(chunk: Uint8Array): FormPiece[] {
    const pieces: FormPiece[] = [];
    let rest = joined([this.held, chunk]);
    for (let next = this.step(rest, pieces); next !== null; next = this.step(rest, pieces)) rest = next;
    // Copied, so that a few bytes do not keep all of the chunk.
    this.held = rest.slice(rest.byteLength - this.unread(rest));
    return pieces;
  }

  /** Throws `invalid_request` unless the last delimiter has come. */
  end(): void {
    if (this.state !== "over") throw invalid("it ended before its last delimiter.");
  }

  /** Reads on by one step, and returns what is left; null: more must come first. */
  private step(bytes: Uint8Array, pieces: FormPiece[]): Uint8Array | null {
    switch (this.state) {
      case "before":
      case "data":
        return this.readData(bytes, pieces);
      case "delimiter":
        return this.readDelimiter(bytes);
      case "head":
        return this.readHead(bytes, pieces);
      case "over":
        return null;
    }
  }

  private readData(bytes: Uint8Array, pieces: FormPiece[]): Uint8Array | null {
    const found = find(bytes, this.delimiter);
    const data = bytes.subarray(0, found === -1 ? bytes.byteLength - this.unread(bytes) : found);
    if (this.state === "data" && data.byteLength > 0) pieces.push({ kind: "data", bytes: data });
    if (found === -1) return null;
    this.state = "delimiter";
    return bytes.subarray(found + this.delimiter.byteLength);
  }

  /** The rest of its line: `--` after the last one; spaces are allowed. */
  private readDelimiter(bytes: Uint8Array): Uint8Array | null {
    if (bytes.byteLength < 2) return null;
    if (bytes[0] === 0x2d && bytes[1] === 0x2d) {
      this.state = "over";
      return bytes.subarray(2);
    }
    const end = findWithin(bytes, LINE_END);
    if (end === -1) return null;
    if (decoder.decode(bytes.subarray(0, end)).trim() !== "")
      throw invalid("a delimiter is followed by text.");
    this.state = "head";
    // With the line break, so that an empty head has its end too.
    return bytes.subarray(end);
  }

  private readHead(bytes: Uint8Array, pieces: FormPiece[]): Uint8Array | null {
    const end = findWithin(bytes, HEAD_END);
    if (end === -1) return null;
    pieces.push(parseHead(decoder.decode(bytes.subarray(0, end))));
    this.state = "data";
    return bytes.subarray(end + HEAD_END.byteLength);
  }

  /** How many bytes at the end cannot be told from a delimiter, or the end of a line, whose rest is to come. */
  private unread(bytes: Uint8Array): number {
    if (this.state === "over") return 0;
    if (this.state === "delimiter" || this.state === "head") return bytes.byteLength;
    const most = Math.min(bytes.byteLength, this.delimiter.byteLength - 1);
    for (let length = most; length > 0; length--) {
      const at = bytes.byteLength - length;
      if (this.delimiter.subarray(0, length).every((byte, i) => bytes[at + i] === byte)) return length;
    }
    return 0;
  }
}

function parseHead(text: string): FormPiece {
  const disposition = /^content-disposition:\s*form-data\s*(;.*)$/im.exec(text)?.[1];
  const name = disposition && parameter(disposition, "name");
  if (disposition === undefined || name == null)
    throw invalid("a part has no Content-Disposition with a name.");
  const contentType = /^content-type:\s*(\S.*?)\s*$/im.exec(text)?.[1] ?? null;
  return { kind: "head", name, filename: parameter(disposition, "filename"), contentType };
}

/** Browsers write `"` as %22 and nothing else so (but line breaks); older programs as \". */
function parameter(disposition: string, name: string): string | null {
  const match = new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s;"]+))`, "i").exec(disposition);
  const value = match?.[1] ?? match?.[2];
  return value === undefined ? null : value.replace(/\\(["\\])/g, "$1").replaceAll("%22", '"');
}

/** As `find`, where what is looked for has to come soon. */
function findWithin(bytes: Uint8Array, pattern: Uint8Array): number {
  const found = find(bytes, pattern);
  if (Math.max(found, found === -1 ? bytes.byteLength : 0) > MAX_HEAD_BYTES)
    throw invalid(`the head of a part is longer than ${MAX_HEAD_BYTES} bytes.`);
  return found;
}

/** Where the pattern begins for the first time; -1: nowhere. */
function find(bytes: Uint8Array, pattern: Uint8Array): number {
  const [first = 0] = pattern;
  for (let at = bytes.indexOf(first); at !== -1; at = bytes.indexOf(first, at + 1)) {
    if (pattern.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}

function invalid(problem: string): AppError {
  return new AppError("invalid_request", {
    message: `body: not valid multipart/form-data: ${problem}`,
    param: "body",
  });
}
