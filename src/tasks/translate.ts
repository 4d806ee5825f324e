// Task `translate`: a long text in another language, piece by piece.
//
// The text is cut at its natural borders, without overlap. What lies between the pieces is copied as it stands, so that the
// form of a document is kept whatever the model does within a piece.

import { z } from "zod";
import { AppError } from "../core/errors";
import { again, type Child, done, type Outcome, wait } from "../core/outcome";
import { defineTask, type TaskContext } from "./define";
import { askModel, callTokens, nextSlice } from "./long-text/children";
import { fence } from "./long-text/fence";
import { aboutSource, openSource, reopenSource } from "./long-text/source";
import { jobFile } from "./long-text/source-input";
import { restoreCode } from "./translate/code-blocks";
import {
  type TranslateInput,
  type TranslateOutput,
  translateInput,
  translateOutput,
} from "./translate/input";
import { piecesOf } from "./translate/pieces";
import { translatePrompt } from "./translate/prompts";

/** An answer is as long as its piece: what a model writes at once without growing careless. */
const PIECE_TOKENS = 2_000;

/** What a turn leaves for the next. `isMade`: all pieces are children. */
const turnState = z.strictObject({ file: jobFile.nullable(), pieceTokens: z.int(), isMade: z.boolean() });

type TurnState = z.infer<typeof turnState>;
type Translated = Outcome<TranslateOutput>;

export const translate = defineTask<TranslateInput, TranslateOutput>({
  name: "translate",
  description: "A long text, file or web page in another language. Made of children, one for each piece.",
  kind: null,
  childKind: "chat",
  input: translateInput,
  output: translateOutput,
  size: () => ({ chars: 0, maxOutputTokens: null }),
  defaults: { max_attempts: 5, timeout_s: 600 },

  async run(input, ctx) {
    if (ctx.state === null) {
      const pieceTokens = callTokens(input, ctx.contextTokens(input.model), PIECE_TOKENS);
      const { document, file } = await openSource(input, ctx);
      return makePieces(input, ctx, { file, pieceTokens, isMade: false }, document.text);
    }
    const state = turnState.parse(ctx.state);
    const document = await reopenSource(input, state.file, ctx);
    if (!state.isMade) return makePieces(input, ctx, state, document.text);
    const { title } = document;
    const translated = await join(ctx, document.text);
    return done({ ...translated, ...(title !== undefined && { title }), source: aboutSource(document) });
  },
});

function makePieces(
  input: TranslateInput,
  { children }: TaskContext,
  state: TurnState,
  text: string,
): Translated {
  if (children.failed + children.cancelled > 0) return wait([], { state });
  const slice = nextSlice(calls(input, text, state.pieceTokens), children.total);
  return slice.isLast
    ? wait(slice.children, { state: { ...state, isMade: true } })
    : again(state, 0, slice.children);
}

function* calls(input: TranslateInput, text: string, pieceTokens: number): Iterable<Child> {
  for (const [i, { start, end }] of piecesOf(text, pieceTokens).entries()) {
    const fenced = fence(text.slice(start, end));
    const question = { instructions: translatePrompt(input, fenced), prompt: fenced.text };
    yield askModel(input, question, { customId: `piece-${i + 1}`, metadata: { start, end } });
  }
}

const place = z.strictObject({ start: z.int(), end: z.int() });

type Answer = { text: string; model: string; finish_reason: string };

/** The pieces in their order, and between them what lies between them. */
async function join({ children }: TaskContext, text: string): Promise<Omit<TranslateOutput, "source">> {
  const parts: string[] = [];
  let at = 0;
  let model: string | null = null;
  for await (const child of children.ended(["completed"])) {
    const { start, end } = place.parse(child.metadata);
    const answer = JSON.parse(child.output ?? "{}") as Answer;
    if (answer.finish_reason === "length") throw cut(child.customId);
    parts.push(text.slice(at, start), restoreCode(text.slice(start, end), answer.text.trim()));
    at = end;
    model = answer.model;
  }
  return { text: parts.join("") + text.slice(at), chunks: children.completed, model };
}

function cut(piece: string | null): AppError {
  return new AppError("output_truncated", {
    message: `The translation of ${piece} was cut at the output limit of the model. Give a smaller max_chunk_tokens.`,
  });
}
