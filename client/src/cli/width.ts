// How wide text is on a terminal, and how it is cut, padded and wrapped by that.

/** Two cells wide by East Asian Width (Unicode 16); emoji are told apart by their own property. */
const WIDE: [number, number][] = [
  [0x1100, 0x115f],
  [0x2329, 0x232a],
  [0x2630, 0x2637],
  [0x268a, 0x268f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xa960, 0xa97c],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18dff],
  [0x1aff0, 0x1b2ff],
  [0x1d300, 0x1d37f],
  [0x1f200, 0x1f2ff],
  [0x20000, 0x3fffd],
];

const PLAIN = /^[\x20-\x7e]*$/;
const EMOJI = /\p{Emoji_Presentation}|\ufe0f|\u20e3/u;
/** Marks, controls, and the later parts of a Hangul syllable, which are drawn into the first. */
const NO_WIDTH = /[\p{Mn}\p{Me}\p{Cf}\p{Cc}\u1160-\u11ff\ud7b0-\ud7fb]/u;
// Escape sequences and the turning around of text, with which a job's text could write over what is beside it.
const UNFIT = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** The cells that the text takes on a terminal. */
export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += graphemeWidth(segment);
  return width;
}

function graphemeWidth(grapheme: string): number {
  if (EMOJI.test(grapheme)) return 2;
  let width = 0;
  for (const char of grapheme) width += NO_WIDTH.test(char) ? 0 : isWide(char.codePointAt(0) ?? 0) ? 2 : 1;
  return width;
}

function isWide(code: number): boolean {
  return WIDE.some(([first, last]) => code >= first && code <= last);
}

/** One line of text that somebody else wrote: nothing in it moves the cursor. */
export function clean(text: string): string {
  return text.replace(UNFIT, " ");
}

/** The same, with its line breaks. */
export function cleanLines(text: string): string {
  return text.replaceAll("\r\n", "\n").split("\n").map(clean).join("\n");
}

/** At most `width` cells; what is left out is told by `…`. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  return width < 1 ? "" : `${begin(text, width - 1)}…`;
}

/** The same, but the end stays: of ids it is what tells them apart. */
export function cutMiddle(text: string, width: number, start = 4): string {
  if (widthOf(text) <= width || width < start + 2) return cut(text, width);
  const all = [...graphemes.segment(text)].map(({ segment }) => segment);
  let tail = "";
  while (widthOf(tail + all.at(-1)) <= width - start - 1) tail = all.pop() + tail;
  return `${begin(text, start)}…${tail}`;
}

function begin(text: string, width: number): string {
  let taken = "";
  let left = width;
  for (const { segment } of graphemes.segment(text)) {
    left -= graphemeWidth(segment);
    if (left < 0) break;
    taken += segment;
  }
  return taken;
}

/** Exactly `width` cells, if it is not wider already. */
export function pad(text: string, width: number, align: "left" | "right" = "left"): string {
  const space = " ".repeat(Math.max(0, width - widthOf(text)));
  return align === "left" ? text + space : space + text;
}

/** In lines of at most `width` cells, between words where there are any. */
export function wrap(text: string, width: number): string[] {
  return text.split("\n").flatMap((line) => wrapLine(line, Math.max(2, width)));
}

function wrapLine(line: string, width: number): string[] {
  const lines: string[] = [];
  let current = "";
  for (const word of line.split(/ +/)) {
    const longer = current === "" ? word : `${current} ${word}`;
    if (widthOf(longer) <= width) {
      current = longer;
      continue;
    }
    if (current !== "") lines.push(current);
    const pieces = slice(word, width);
    current = pieces.pop() ?? "";
    lines.push(...pieces);
  }
  return [...lines, current];
}

function slice(word: string, width: number): string[] {
  const pieces: string[] = [];
  for (let rest = word; rest !== ""; ) {
    // A letter with more marks than there is room for is cut between them.
    const piece = begin(rest, width) || String.fromCodePoint(rest.codePointAt(0) ?? 0);
    pieces.push(piece);
    rest = rest.slice(piece.length);
  }
  return pieces;
}
