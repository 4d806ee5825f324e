// Sentences, words and characters of a text in any script, as the places where they begin.

const SEGMENTERS = {
  sentence: new Intl.Segmenter("und", { granularity: "sentence" }),
  word: new Intl.Segmenter("und", { granularity: "word" }),
  character: new Intl.Segmenter("und", { granularity: "grapheme" }),
};

/**
 * Where sentences, words or characters begin within (start, end). `start` has to be where a character begins: which flags a
 * row of regional letters makes depends on its first one.
 */
export function beginnings(
  text: string,
  kind: keyof typeof SEGMENTERS,
  start: number,
  end: number,
): number[] {
  const places: number[] = [];
  for (const { index, isWordLike } of SEGMENTERS[kind].segment(text.slice(start, end))) {
    const at = start + index;
    if (at === start) continue;
    if (
      kind === "character" ||
      (!isSpace(text, at) && (kind === "sentence" || isWordLike || isSpace(text, at - 1)))
    )
      places.push(at);
  }
  return places;
}

function isSpace(text: string, at: number): boolean {
  return /\s/.test(text.charAt(at));
}
