// Splits a long text into pieces for a model: each within its tokens, cut where a reader would cut.

import { AppError } from "../errors";
import { type Count, Cutter } from "./cutter";
import { beginnings } from "./segments";
import { estimateTokens } from "./tokens";

export type SplitOptions = {
  /** What a piece may have, with its overlap. */
  maxTokens: number;
  /** How much of the piece before is repeated, at most. */
  overlapTokens: number;
  count?: Count;
};

/** `text` is the source from `start` to `end`, in UTF-16 code units. */
export type Piece = { text: string; start: number; end: number };

/**
 * The pieces in their order; none for an empty text. Cuts do not depend on what comes much later, nor on what comes much
 * earlier, so that an answer that is kept by its piece is found again after an edit elsewhere.
 */
export function splitText(text: string, options: SplitOptions): Piece[] {
  const { maxTokens, overlapTokens, count = estimateTokens } = options;
  check(maxTokens, overlapTokens);
  const cutter = new Cutter(text, maxTokens - overlapTokens, count);
  const pieces: Piece[] = [];
  let before = 0;
  for (let cut = 0; cut < text.length; ) {
    const end = cutter.endOf(cut);
    const hasOverlap = overlapTokens > 0 && cut > 0;
    const start = hasOverlap
      ? overlapStart(text, { before, cut, end }, { maxTokens, overlapTokens, count })
      : cut;
    pieces.push({ text: text.slice(start, end), start, end });
    before = cut;
    cut = end;
  }
  return pieces;
}

function check(maxTokens: number, overlapTokens: number): void {
  if (!(Number.isInteger(maxTokens) && maxTokens >= 1)) {
    throw new AppError("input_invalid", {
      message: `maxTokens: expected a whole number of at least 1, got ${maxTokens}.`,
    });
  }
  if (!(Number.isInteger(overlapTokens) && overlapTokens >= 0 && overlapTokens <= maxTokens / 2)) {
    throw new AppError("input_invalid", {
      message: `overlapTokens: expected a whole number from 0 to half of maxTokens (${maxTokens}), got ${overlapTokens}.`,
    });
  }
}

type Place = { before: number; cut: number; end: number };

/** Where the piece from `cut` to `end` begins when it repeats as much as it may of the one that began at `before`. */
function overlapStart(text: string, place: Place, options: Required<SplitOptions>): number {
  const { before, cut, end } = place;
  const { maxTokens, overlapTokens, count } = options;
  const fits = (at: number) =>
    count(text.slice(at, cut)) <= overlapTokens && count(text.slice(at, end)) <= maxTokens;
  for (const kind of ["sentence", "word"] as const) {
    const start = firstWhere(beginnings(text, kind, before, cut), fits);
    if (start !== undefined) return start;
  }
  return cut;
}

/** By halves: a later place has fewer tokens behind it. Where that is not quite so, the places after the first are tried. */
function firstWhere(places: number[], holds: (at: number) => boolean): number | undefined {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(places[middle] ?? 0)) high = middle;
    else low = middle + 1;
  }
  return places.slice(low).find(holds);
}
