// Turns the bytes of a text into characters as they come, wherever appends and pages have cut them.

export class TextReader {
  private held = new Uint8Array(0);
  // A byte order mark is a character of the text like any other.
  private readonly decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

  /** `midway`: what comes first may be the rest of a character that began before. It is left out: nobody could show it. */
  constructor(private midway: boolean) {}

  /** Bytes at the end of what was taken that are not given out yet: a character whose rest is to come. */
  get heldBytes(): number {
    return this.held.byteLength;
  }

  /** The characters that are whole by now; with the last bytes, also what never became one. */
  take(data: Uint8Array, isLast: boolean): string {
    const bytes = new Uint8Array(this.held.byteLength + data.byteLength);
    bytes.set(this.held);
    bytes.set(data, this.held.byteLength);
    const end = isLast ? bytes.byteLength : bytes.byteLength - unfinishedBytes(bytes);
    this.held = bytes.slice(end);
    return this.decoder.decode(bytes.subarray(this.startOf(bytes), end));
  }

  private startOf(bytes: Uint8Array): number {
    if (!this.midway) return 0;
    const start = bytes.findIndex((byte) => !isContinuation(byte));
    if (start !== -1) this.midway = false;
    return start === -1 ? bytes.byteLength : start;
  }
}

/** How many bytes at the end of a text begin a character that is not whole. */
export function unfinishedBytes(bytes: Uint8Array): number {
  for (let back = 1; back < 4 && back <= bytes.byteLength; back++) {
    const byte = bytes[bytes.byteLength - back] ?? 0;
    if (!isContinuation(byte)) return back < lengthOf(byte) ? back : 0;
  }
  return 0;
}

function isContinuation(byte: number): boolean {
  return byte >= 0x80 && byte < 0xc0;
}

/** Bytes of the character that begins with this one. */
function lengthOf(byte: number): number {
  if (byte < 0xc0 || byte >= 0xf8) return 1;
  if (byte < 0xe0) return 2;
  return byte < 0xf0 ? 3 : 4;
}
