// Task `summarize`: a summary of a long text, with citations.
//
// Level 0 takes notes on each chunk of the text. Each further level merges the notes of the one before, group by group, until
// a single call writes the summary. A text of one chunk is summarized at once. Every call is a child, so that it waits for its
// turn, is tried again and is paid once, whatever happens to the others.

import { AppError } from "../core/errors";
import { again, type Child, done, type Outcome, wait } from "../core/outcome";
import { defineTask, type TaskContext } from "./define";
import { callTokens, nextSlice } from "./long-text/children";
import { openSource, reopenSource } from "./long-text/source";
import { chunkCalls } from "./summarize/chunks";
import {
  type SummarizeInput,
  type SummarizeOutput,
  summarizeInput,
  summarizeOutput,
} from "./summarize/input";
import { missingChunks, noteCalls, readAnswers } from "./summarize/notes";
import { toOutput } from "./summarize/result";
import { type SummarizeState, summarizeState } from "./summarize/state";

/** Small enough that a model reads every sentence, large enough that sentences keep their context. */
const CHUNK_TOKENS = 4_000;
/** Notes are dense: more of them are read well at once, and fewer levels lose less. */
const NOTES_TOKENS = 32_000;

type Summarized = Outcome<SummarizeOutput>;

export const summarize = defineTask<SummarizeInput, SummarizeOutput>({
  name: "summarize",
  description:
    "A summary of a long text, file or web page, with citations. Made of children, one for each chunk.",
  kind: null,
  childKind: "chat",
  input: summarizeInput,
  output: summarizeOutput,
  size: () => ({ chars: 0, maxOutputTokens: null }),
  defaults: { max_attempts: 5, timeout_s: 600 },

  async run(input, ctx) {
    if (ctx.state === null) return begin(input, ctx);
    const state = summarizeState.parse(ctx.state);
    const missing = await missingChunks(ctx, state.chunks);
    if (state.level > 0 && missing.length < state.missing)
      return readNotesAgain(input, ctx, state, missing.length);
    if (!state.isMade) return makeLevel(input, ctx, state, await callsOf(input, ctx, state));
    const { total } = ctx.children;
    if (total - state.first > 1) {
      return nextLevel(input, ctx, {
        ...state,
        level: state.level + 1,
        reads: [state.first, total],
        missing: missing.length,
      });
    }
    const [answer] = await readAnswers(ctx, [state.first, total], input);
    if (!answer) throw nothingLeft();
    const document = await reopenSource(input, state.file, ctx);
    return done(toOutput(input, document, answer, state, missing));
  },
});

async function begin(input: SummarizeInput, ctx: TaskContext): Promise<Summarized> {
  const context = ctx.contextTokens(input.model);
  const tokens = {
    chunk: callTokens(input, context, CHUNK_TOKENS),
    notes: callTokens(input, context, NOTES_TOKENS),
  };
  const { document, file } = await openSource(input, ctx);
  const state = { file, tokens, level: 0, reads: null, first: 0, isMade: false, chunks: 0, missing: 0 };
  return makeLevel(input, ctx, state, chunkCalls(input, document.text, tokens));
}

/** The calls of a level whose children are not all there yet: the same as when the first of them were made. */
async function callsOf(
  input: SummarizeInput,
  ctx: TaskContext,
  state: SummarizeState,
): Promise<Iterable<Child>> {
  const { file, tokens, reads } = state;
  if (reads !== null) return noteCalls(input, await readAnswers(ctx, reads, input), state);
  const { text } = await reopenSource(input, file, ctx);
  return chunkCalls(input, text, tokens);
}

async function nextLevel(
  input: SummarizeInput,
  ctx: TaskContext,
  state: SummarizeState,
): Promise<Summarized> {
  const next = { ...state, first: ctx.children.total, isMade: false };
  const answers = await readAnswers(ctx, next.reads ?? [0, 0], input);
  if (answers.length === 0) throw nothingLeft();
  return makeLevel(input, ctx, next, noteCalls(input, answers, next));
}

/** After a retry there are answers for chunks that were left out: what was written without them is written anew. */
function readNotesAgain(
  input: SummarizeInput,
  ctx: TaskContext,
  state: SummarizeState,
  missing: number,
): Promise<Summarized> {
  return nextLevel(input, ctx, { ...state, level: 1, reads: [0, state.chunks], missing });
}

/** A slice of the level's children. With the last of them the job waits. */
function makeLevel(
  { on_chunk_failure }: SummarizeInput,
  { children }: TaskContext,
  state: SummarizeState,
  calls: Iterable<Child>,
): Summarized {
  const onChildFailure = on_chunk_failure === "skip" ? ("ignore" as const) : ("fail" as const);
  if (onChildFailure === "fail" && children.failed + children.cancelled > 0)
    return wait([], { state, onChildFailure });
  const slice = nextSlice(calls, children.total - state.first);
  if (!slice.isLast) return again(state, 0, slice.children);
  const total = children.total + slice.children.length;
  const made = { ...state, isMade: true, chunks: state.level === 0 ? total : state.chunks };
  return wait(slice.children, { state: made, onChildFailure });
}

function nothingLeft(): AppError {
  return new AppError("child_failed", {
    message: "No chunk of the text has been summarized: all of them have failed.",
  });
}
