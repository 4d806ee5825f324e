// The first level of a summary: notes on each chunk of the document, or the summary itself when it is one chunk.

import type { Child } from "../../core/outcome";
import { type Piece, splitText } from "../../core/text/split";
import { askModel, countTokens } from "../long-text/children";
import { fence } from "../long-text/fence";
import type { SummarizeInput } from "./input";
import { withoutMarks } from "./marks";
import { notesPrompt, summaryPrompt } from "./prompts";
import type { ChildMetadata, SummarizeState } from "./state";

/** Of a chunk, repeated from the one before: what a statement on a border refers to. */
const OVERLAP_SHARE = 1 / 20;

/** What a citation leads to: a paragraph or two. A very large chunk has larger ones, so that it has not too many. */
const PASSAGE_TOKENS = 150;
const PASSAGES_OF_A_CHUNK = 100;

/** The chunks as calls, made when they are asked for. */
export function chunkCalls(
  input: SummarizeInput,
  text: string,
  tokens: SummarizeState["tokens"],
): Iterable<Child> {
  const overlap = Math.min(
    input.overlap_tokens ?? Math.floor(tokens.chunk * OVERLAP_SHARE),
    Math.floor(tokens.chunk / 2),
  );
  const options = { maxTokens: tokens.chunk, overlapTokens: overlap, count: countTokens };
  const chunks = splitText(text, options).filter((chunk) => chunk.text.trim() !== "");
  return calls(input, chunks, tokens);
}

function* calls(input: SummarizeInput, chunks: Piece[], tokens: SummarizeState["tokens"]): Iterable<Child> {
  for (const [i, chunk] of chunks.entries()) {
    const passages = input.citations === false ? null : passagesOf(chunk, tokens.chunk);
    const fenced = fence(passages ? numbered(passages) : chunk.text.trim());
    const instructions =
      chunks.length === 1
        ? summaryPrompt(input, fenced, "document")
        : notesPrompt(input, fenced, tokens.chunk);
    const metadata: ChildMetadata = {
      level: 0,
      start: chunk.start,
      end: chunk.end,
      ...(passages && { marks: passages.map(({ start, end }): [number, number] => [start, end]) }),
    };
    yield askModel(input, { instructions, prompt: fenced.text }, { customId: `chunk-${i + 1}`, metadata });
  }
}

/** Places are those in the source. */
function passagesOf(chunk: Piece, chunkTokens: number): Piece[] {
  const maxTokens = Math.max(PASSAGE_TOKENS, Math.ceil(chunkTokens / PASSAGES_OF_A_CHUNK));
  return splitText(chunk.text, { maxTokens, overlapTokens: 0, count: countTokens })
    .filter(({ text }) => text.trim() !== "")
    .map(({ text, start, end }) => ({ text, start: chunk.start + start, end: chunk.start + end }));
}

function numbered(passages: Piece[]): string {
  return passages.map(({ text }, i) => `[${i + 1}] ${withoutMarks(text.trim())}`).join("\n\n");
}
