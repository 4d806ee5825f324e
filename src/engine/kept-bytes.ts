// Bytes that are kept until they are known to be stored elsewhere, by their place in a stream.

import { joined } from "../core/bytes";

export class KeptBytes {
  private parts: Uint8Array[] = [];
  private length = 0;

  /** Where the first of them belongs. */
  start = 0;

  get end(): number {
    return this.start + this.length;
  }

  get size(): number {
    return this.length;
  }

  add(part: Uint8Array): void {
    this.parts.push(part);
    this.length += part.byteLength;
  }

  /** Those from there on. */
  from(at: number): Uint8Array {
    const whole = joined(this.parts);
    this.parts = [whole];
    return whole.subarray(Math.max(0, at - this.start));
  }

  /** What is before that is stored. */
  dropTo(at: number): void {
    const rest = this.from(at).slice();
    this.parts = [rest];
    this.length = rest.byteLength;
    this.start = at;
  }
}
