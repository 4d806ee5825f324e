// The sandbox's tokenizer: a token is four characters, as everywhere in Errand where nobody knows better.

/** By code points, so that no emoji is torn apart. */
export function toTokens(text: string): string[] {
  return text.match(/.{1,4}/gsu) ?? [];
}
