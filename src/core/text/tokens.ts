// How many tokens a text has, about: by its words and scripts, without a tokenizer's megabyte of tables.

/** One side of a cost: what the first letter of a word costs, and each one after it. */
type Script = { last: number; first: number; next: number };

const SPACE = 0;
const NEWLINE = 1;
const LOWER = 2;
const UPPER = 3;
const DIGIT = 4;
const SIGN = 5;
const ACCENTED = 6;
/** From here on: an index into SCRIPTS. */
const SCRIPT = 7;

/**
 * Blocks of code units in their order, each up to `last`; fitted to o200k_base, the tokenizer of OpenAI's newer models, and a
 * little above it. Blocks that are not named count with the next one.
 */
const SCRIPTS: Script[] = [
  { last: 0x036f, first: 0.6, next: 0.6 }, // phonetic letters, accents that stand alone
  { last: 0x03ff, first: 0.8, next: 0.48 }, // Greek
  { last: 0x052f, first: 0.8, next: 0.24 }, // Cyrillic
  { last: 0x05ff, first: 0.8, next: 0.45 }, // Armenian, Hebrew
  { last: 0x08ff, first: 0.8, next: 0.36 }, // Arabic
  { last: 0x0dff, first: 0.8, next: 0.34 }, // the scripts of India
  { last: 0x0eff, first: 0.5, next: 0.5 }, // Thai, Lao
  { last: 0x1dff, first: 1, next: 1 }, // Georgian, Ethiopic, Khmer and others
  { last: 0x1eff, first: 0.6, next: 0.6 }, // Latin letters with two accents
  { last: 0x206f, first: 1, next: 1 }, // dashes, quotes, joiners
  { last: 0x2fff, first: 1.6, next: 1.6 }, // symbols
  { last: 0x303f, first: 0.8, next: 0.8 }, // CJK punctuation
  { last: 0x30ff, first: 0.9, next: 0.9 }, // Kana
  { last: 0x9fff, first: 1, next: 1 }, // Han
  { last: 0xabff, first: 1.5, next: 1.5 },
  { last: 0xd7ff, first: 0.8, next: 0.85 }, // Hangul
  { last: 0xdfff, first: 1.1, next: 1.1 }, // halves of what is beyond 16 bits: emoji, rare Han
  { last: 0xffff, first: 1, next: 1 },
];

/** Letters of a Latin word that cost no more than the first; those after them cost something, and those of a long word more. */
const SHORT_WORD = 4;
const LONG_WORD = 9;
/** The first letter behind a digit: identifiers and hashes are cut into smaller tokens than words. */
const MIXED = 1.3;

const CLASSES = Uint8Array.from({ length: 0x250 }, (_, code) => {
  const char = String.fromCharCode(code);
  if (/[\n\r]/.test(char)) return NEWLINE;
  if (/\s/.test(char)) return SPACE;
  if (/\d/.test(char)) return DIGIT;
  if (code > 0x7f && /\p{L}/u.test(char)) return ACCENTED;
  if (/\p{Lu}/u.test(char)) return UPPER;
  return /\p{Ll}/u.test(char) ? LOWER : SIGN;
});

function classOf(code: number): number {
  if (code < CLASSES.length) return CLASSES[code] ?? SIGN;
  let index = 0;
  while (code > (SCRIPTS[index]?.last ?? code)) index++;
  return SCRIPT + index;
}

const isLatin = (kind: number) => kind === LOWER || kind === UPPER || kind === ACCENTED;

/** Within a tenth below what o200k_base counts and 60 % above, for text of any kind; never less for a text that goes on. */
export function estimateTokens(text: string): number {
  let tokens = 0;
  let before = NEWLINE;
  /** Characters of the word, number or run of signs or spaces so far. */
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const kind = classOf(code);
    const goesOn =
      kind === before || (isLatin(kind) && isLatin(before) && !(kind === UPPER && before === LOWER));
    length = goesOn ? length + 1 : 1;
    tokens +=
      cost(kind, length, before) + (kind === SIGN && goesOn && code !== text.charCodeAt(i - 1) ? 0.32 : 0);
    before = kind;
  }
  return Math.ceil(tokens);
}

/** What one more character costs, the `length`-th of its run. */
function cost(kind: number, length: number, before: number): number {
  switch (kind) {
    case SPACE:
      // One space belongs to the word behind it; a wide gap or an indent is a token.
      return length === 2 ? 1 : length > 2 ? 0.02 : 0;
    case NEWLINE:
      return length > 1 ? 0.05 : before === SIGN ? 0.3 : 1;
    case DIGIT:
      // Three digits are a token, and a space before them is one too.
      return length % 3 === 1 ? 1 + (before === SPACE && length === 1 ? 1 : 0) : 0;
    case SIGN:
      return length === 1 ? 0.9 : 0.03;
    case LOWER:
      if (length === 1) return before === DIGIT ? MIXED : 1;
      return length > LONG_WORD ? 0.4 : length > SHORT_WORD ? 0.2 : 0;
    case UPPER:
      return length === 1 ? (before === DIGIT ? MIXED : 1) : 0.45;
    case ACCENTED:
      return 1;
    default: {
      const script = SCRIPTS[kind - SCRIPT];
      return (length === 1 ? script?.first : script?.next) ?? 1;
    }
  }
}
