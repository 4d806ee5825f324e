// The output of a summary: its marks as citations, with what stands in the source at their places.

import type { ReadDocument } from "../../documents/document";
import { aboutSource } from "../long-text/source";
import type { SummarizeInput, SummarizeOutput } from "./input";
import type { Span } from "./marks";
import type { Answer } from "./notes";
import type { SummarizeState } from "./state";

const QUOTE_CHARS = 240;

export function toOutput(
  input: SummarizeInput,
  document: ReadDocument,
  { text, spans, model }: Answer,
  { chunks, level }: SummarizeState,
  missing: Span[],
): SummarizeOutput {
  const pages = document.pages ?? [];
  const placed = (span: Span) => ({ ...span, ...pageOf(span, pages) });
  return {
    summary: text.trim(),
    ...(input.citations !== false && {
      citations: spans.map((span, i) => ({ n: i + 1, ...placed(span), quote: quoteOf(document.text, span) })),
    }),
    ...(missing.length > 0 && { missing: missing.map(placed) }),
    chunks,
    levels: level + 1,
    ...(document.title !== undefined && { title: document.title }),
    model,
    source: aboutSource(document),
  };
}

/** That on which it begins; between two pages it is the next one. */
function pageOf({ start }: Span, pages: NonNullable<ReadDocument["pages"]>): { page?: number } {
  const found = pages.find(({ end }) => end > start);
  return found ? { page: found.page } : {};
}

/** Its beginning, on one line, cut between two words. */
function quoteOf(text: string, { start, end }: Span): string {
  const line = text.slice(start, end).replace(/\s+/g, " ").trim();
  if (line.length <= QUOTE_CHARS) return line;
  const cut = line.slice(0, QUOTE_CHARS);
  const word = cut.lastIndexOf(" ");
  return `${word > QUOTE_CHARS / 2 ? cut.slice(0, word) : cut.replace(/[\uD800-\uDBFF]$/, "")}…`;
}
