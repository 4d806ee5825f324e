// Cuts a text into what is translated and what stays as it is: what lies between the pieces is not sent, and so not changed.

import { splitText } from "../../core/text/split";
import { countTokens } from "../long-text/children";
import { type Block, findCodeBlocks } from "./code-blocks";

/** Parts of the text that are to be translated, in their order. Each begins and ends with something that is not blank. */
export function piecesOf(text: string, maxTokens: number): Block[] {
  const code = findCodeBlocks(text);
  return splitText(text, { maxTokens, overlapTokens: 0, count: countTokens })
    .flatMap((piece) => withoutTornCode(piece, code))
    .flatMap((piece) => trimmed(text, piece))
    .filter((piece) => hasWords(text, piece, code));
}

/** A block of code that is larger than a piece is in none; one that is whole in its piece stays, so that the model sees it. */
function withoutTornCode({ start, end }: Block, code: Block[]): Block[] {
  const rest: Block[] = [];
  let at = start;
  for (const block of code) {
    const isTorn = block.start < end && block.end > start && (block.start < start || block.end > end);
    if (!isTorn) continue;
    rest.push({ start: at, end: Math.max(at, block.start) });
    at = Math.min(end, block.end);
  }
  return [...rest, { start: at, end }];
}

function trimmed(text: string, { start, end }: Block): Block[] {
  const part = text.slice(start, end);
  const from = start + part.length - part.trimStart().length;
  const to = end - (part.length - part.trimEnd().length);
  return from < to ? [{ start: from, end: to }] : [];
}

/** Any letter that is not code. */
function hasWords(text: string, piece: Block, code: Block[]): boolean {
  let at = piece.start;
  for (const { start, end } of code.filter((block) => block.start < piece.end && block.end > piece.start)) {
    if (/\p{L}/u.test(text.slice(at, Math.max(at, start)))) return true;
    at = end;
  }
  return /\p{L}/u.test(text.slice(at, piece.end));
}
