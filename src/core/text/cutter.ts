// Finds the end of a piece: the most natural place to cut before the limit of its tokens.

import { AFTER_HEADING, type Line, lineIndexAt, readLines, type Unit } from "./borders";
import { beginnings } from "./segments";

export type Count = (text: string) => number;

/** A first guess; too low, it costs a few more counts. */
const CHARS_PER_TOKEN = 4;
/** A sentence or a character is seen to end only when the next one begins. */
const LOOK_AHEAD = 40;
/** Characters on each side of a place that are its fingerprint. */
const FINGERPRINT = 16;

/**
 * An end depends on nothing but the text around it and the start of its piece, and among equal places the one with the lowest
 * fingerprint is taken, not the last. So after an insertion, cuts are soon where they were before.
 */
export class Cutter {
  private readonly lines: Line[];
  private readonly fitting = new Map<Unit, boolean>();

  constructor(
    private readonly text: string,
    private readonly maxTokens: number,
    private readonly count: Count,
  ) {
    this.lines = readLines(text);
  }

  /** Where the piece that begins at `start` ends. */
  endOf(start: number): number {
    const limit = this.limitOf(start);
    if (limit === this.text.length) return limit;
    for (const place of this.places(start, limit)) if (this.fits(start, place)) return place;
    return start + ((this.text.codePointAt(start) ?? 0) > 0xffff ? 2 : 1);
  }

  /** A place up to which the text fits, at most a sixteenth before the last such place. */
  private limitOf(start: number): number {
    const { length } = this.text;
    let size = this.maxTokens * CHARS_PER_TOKEN;
    let low = start;
    let high = Math.min(length, start + size);
    while (this.fits(start, high)) {
      if (high === length) return length;
      low = high;
      size *= 2;
      high = Math.min(length, start + size);
    }
    while (high - low > Math.max(1, (low - start) >> 4)) {
      const middle = (low + high) >> 1;
      if (this.fits(start, middle)) low = middle;
      else high = middle;
    }
    const unit = this.unitAt(start);
    return unit?.start === start && this.isWhole(unit) ? Math.max(low, unit.end) : low;
  }

  /** Where to cut, the best place first. The nearer half to the limit is where pieces should end. */
  private *places(start: number, limit: number): Generator<number> {
    const half = start + ((limit - start + 1) >> 1);
    const isIn = (at: number) => at >= half && at <= limit && at > start;
    const isOpen = (at: number) => !this.isInWhole(at) && !this.isAtHeading(at);

    const lines = this.linesWithin(start, limit);
    yield* this.byFingerprint(lines.filter(({ at }) => isIn(at) && isOpen(at)));

    const seen = Math.min(this.text.length, limit + LOOK_AHEAD + ((limit - start) >> 3));
    yield* this.equals(beginnings(this.text, "sentence", start, seen).filter(isIn).filter(isOpen));
    const words = beginnings(this.text, "word", start, seen);
    yield* this.equals(words.filter(isIn).filter(isOpen));

    // What stays whole, or a long word, reaches from before that half to behind the limit.
    const places = lines.map(({ at }) => at);
    const early = [...places, ...words].filter((at) => at < half && isOpen(at));
    yield* early.sort((a, b) => b - a);
    // Behind a heading, or within one that is very long.
    yield* places.filter((at) => this.isAtHeading(at)).reverse();
    yield* this.equals(words.filter((at) => isIn(at) && !this.isInWhole(at)));

    const characters = beginnings(this.text, "character", start, seen);
    yield* this.equals(characters.filter(isIn).filter(isOpen));
    // Also those a little behind the limit, which is not exact.
    yield* characters.reverse();
    // A single character is too large: of what it is put together from, as much as fits.
    for (let at = limit; at > start; at--) if (!this.isWithinPair(at)) yield at;
  }

  private equals(places: number[]): Generator<number> {
    return this.byFingerprint(places.map((at) => ({ at, rank: 0 })));
  }

  private *byFingerprint(places: { at: number; rank: number }[]): Generator<number> {
    const marked = places.map(({ at, rank }) => ({ at, rank, mark: this.fingerprint(at) }));
    marked.sort((a, b) => b.rank - a.rank || a.mark - b.mark || b.at - a.at);
    for (const { at } of marked) yield at;
  }

  /** FNV-1a. */
  private fingerprint(at: number): number {
    let hash = 0x811c9dc5;
    const end = Math.min(this.text.length, at + FINGERPRINT);
    for (let i = Math.max(0, at - FINGERPRINT); i < end; i++)
      hash = Math.imul(hash ^ this.text.charCodeAt(i), 0x01000193);
    return hash >>> 0;
  }

  private linesWithin(start: number, limit: number): Line[] {
    return this.lines.slice(lineIndexAt(this.lines, start) + 1, lineIndexAt(this.lines, limit) + 1);
  }

  /** Within a heading, or between it and what is below it. */
  private isAtHeading(at: number): boolean {
    const line = this.lines[lineIndexAt(this.lines, at)];
    if (!line) return false;
    return line.at === at ? line.rank === AFTER_HEADING : line.isHeading;
  }

  private isInWhole(at: number): boolean {
    const unit = this.unitAt(at);
    return unit !== null && at > unit.start && at < unit.end && this.isWhole(unit);
  }

  private unitAt(at: number): Unit | null {
    return this.lines[lineIndexAt(this.lines, at)]?.unit ?? null;
  }

  private isWhole(unit: Unit): boolean {
    const fits = this.fitting.get(unit) ?? this.fits(unit.start, unit.end);
    this.fitting.set(unit, fits);
    return fits;
  }

  private fits(start: number, end: number): boolean {
    const whole = this.isWithinPair(end) ? end - 1 : end;
    return this.count(this.text.slice(start, whole)) <= this.maxTokens;
  }

  private isWithinPair(at: number): boolean {
    return (this.text.codePointAt(at - 1) ?? 0) > 0xffff;
  }
}
