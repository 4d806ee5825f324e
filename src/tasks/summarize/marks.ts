// Citations as marks in a text: `[3]` stands for the third of the spans that come with it.

/** A part of the source, in UTF-16 code units. */
export type Span = { start: number; end: number };

/** `[k]` in the text is `spans[k - 1]`; each span is named, and the first one first. */
export type Marked = { text: string; spans: Span[] };

/** `[3]`, `[3, 5]`, `[3-5]` and the same in wide brackets; not the text of a link. */
const MARK = /([^\S\n]*)[[【]\s*(\d{1,9}(?:\s*[-–,;]\s*\d{1,9})*)\s*[\]】](?!\()/g;

/** A text of which no number in brackets can be taken for a mark. */
export function withoutMarks(text: string): string {
  return text.replace(MARK, "$1($2)");
}

/** The text with its marks numbered anew in the order in which they come. Marks that lead to none of `known` are dropped. */
export function readMarks(text: string, known: Span[]): Marked {
  const numbers = new Numbers();
  return { text: numbered(text, known, numbers), spans: numbers.spans };
}

/** One text of several, with marks that are good for all of them. */
export function joinMarked(parts: Marked[]): Marked {
  const numbers = new Numbers();
  const texts = parts.map(({ text, spans }) => numbered(text, spans, numbers));
  return { text: texts.join("\n\n"), spans: numbers.spans };
}

class Numbers {
  readonly spans: Span[] = [];
  private readonly bySpan = new Map<string, number>();

  of(span: Span): number {
    const key = `${span.start}-${span.end}`;
    const known = this.bySpan.get(key);
    if (known !== undefined) return known;
    this.bySpan.set(key, this.spans.push(span));
    return this.spans.length;
  }
}

function numbered(text: string, known: Span[], numbers: Numbers): string {
  return text.replace(MARK, (_, gap: string, list: string) => {
    const found = numbersIn(list, known.length).flatMap((n) => known[n - 1] ?? []);
    const marks = [...new Set(found.map((span) => `[${numbers.of(span)}]`))];
    return marks.length === 0 ? "" : gap + marks.join("");
  });
}

/** `3, 5-7` as 3, 5, 6, 7; none beyond `last`, however far a range is said to go. */
function numbersIn(list: string, last: number): number[] {
  return list.split(/[,;]/).flatMap((part) => {
    const [from = 0, to = from] = part.split(/[-–]/).map(Number);
    const count = Math.max(0, Math.min(to, last) - from + 1);
    return Array.from({ length: count }, (_, i) => from + i);
  });
}
