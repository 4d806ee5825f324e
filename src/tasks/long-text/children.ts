// The calls that a long text is made into: children of task `generate`, stored some at a time.

import type { Child } from "../../core/outcome";
import { estimateTokens } from "../../core/text/tokens";
import type { LongTextInput } from "./source-input";

export type Question = { instructions: string; prompt: string };

/**
 * Every call of a long text is made here. Its input follows from the piece of text and from what the job asks for, never from
 * where the piece stands or which run made it: so that equal pieces are equal calls, which the
 * cache answers.
 */
export function askModel(
  { model, provider_options, cache = {} }: LongTextInput,
  { instructions, prompt }: Question,
  about: { customId: string; metadata: Record<string, unknown> },
): Child {
  return { task: "generate", input: { instructions, prompt, model, provider_options }, cache, ...about };
}

/** Children of a slice: with the inputs of some in R2, what one turn stores in some seconds. */
const SLICE_CHILDREN = 200;
const SLICE_CHARS = 2_000_000;

/** As many as are stored in one turn, when `made` of them are there. They have to be the same each time. */
export function nextSlice(all: Iterable<Child>, made: number): { children: Child[]; isLast: boolean } {
  const children: Child[] = [];
  let chars = 0;
  let index = 0;
  for (const child of all) {
    if (index++ < made) continue;
    if (children.length === SLICE_CHILDREN || chars > SLICE_CHARS) return { children, isLast: false };
    children.push(child);
    chars += (child.input as Question).prompt.length;
  }
  return { children, isLast: true };
}

/** Rows of dashes and blanks have next to no tokens, and would make a chunk larger than an input may be. */
const MOST_CHARS_A_TOKEN = 8;

/** What the tokens of a chunk are counted with. */
export function countTokens(text: string): number {
  return Math.max(estimateTokens(text), Math.ceil(text.length / MOST_CHARS_A_TOKEN));
}

/** A context that nobody has told (`context_tokens` in PROVIDERS) is taken for one of the small ones. */
const SMALL_CONTEXT = 8_000;

/** Tokens of text in one call: what the job says, else `usual`, but at most half of the model's context. */
export function callTokens(
  { max_chunk_tokens }: LongTextInput,
  contextTokens: number | null,
  usual: number,
): number {
  const half = Math.floor((contextTokens ?? SMALL_CONTEXT) / 2);
  return max_chunk_tokens ?? Math.max(100, Math.min(usual, half));
}
