// A corpus for task `embed`: its texts become children of as many texts as a call takes, and their vectors files.

import { z } from "zod";
import { AppError } from "../core/errors";
import { LIMITS } from "../core/limits";
import { again, done, type Outcome } from "../core/outcome";
import { splitInputs } from "../llm/embeddings";
import { storeItems } from "./batch-turn";
import { CORPUS_FILES, dimensionsOf } from "./corpus-files";
import { readTexts } from "./corpus-texts";
import type { TaskContext } from "./define";
import type { EmbedInput } from "./embed-input";
import { jobFileField, toField } from "./job-file-field";
import { START_OF_FILE } from "./read-slice";

/**
 * Texts of a child. The answer to a call is JSON, 4 MB for 128 vectors of 1,536 numbers, and as much again while it is read; ten jobs may share an
 * isolate of 128 MB.
 */
const TEXTS_OF_A_CHILD = 128;

/** With three bytes a token, as they are counted here, 300 KB of text: what a child's input takes without fail. */
const TOKENS_OF_A_CHILD = 100_000;

/** What a turn leaves for the next: where the next slice begins, null once all texts are there; and the files that are written. */
const turnState = z.object({
  next: z.object({ offset: z.int(), line: z.int() }).nullable(),
  count: z.int(),
  /** That of the first turn: vectors of two models have nothing to do with one another. */
  model: z.string(),
  files: z.array(jobFileField),
});

type TurnState = z.infer<typeof turnState>;

type Output = {
  embeddings: number[][];
  count: number;
  dimensions: number;
  model: string;
  files: TurnState["files"];
};

export async function embedCorpus(input: EmbedInput, ctx: TaskContext): Promise<Outcome<Output>> {
  const first = { next: START_OF_FILE, count: 0, model: ctx.model, files: [] };
  const state = turnState.parse(ctx.state ?? first);
  if (state.next === null) return writeNext(input, ctx, state);
  const { next: from } = state;
  return storeItems(ctx, "stop", async () => {
    const { entries, next } = await readTexts(ctx.files, input, from);
    const count = state.count + entries.length;
    checkCount(count, next === null);
    const children = pack(
      entries.map(({ text }) => text),
      ctx,
      state.model,
    ).map((texts) => ({
      task: "embed",
      input: childInput(input, texts, state.model),
    }));
    return { children, state: { ...state, next, count } };
  });
}

function pack(texts: string[], ctx: TaskContext, model: string): string[][] {
  const limits = ctx.llm.limits(model, "embedding");
  return splitInputs(texts, {
    maxInputs: Math.min(limits.maxInputs, TEXTS_OF_A_CHILD),
    maxTokensPerCall: Math.min(limits.maxTokensPerCall, TOKENS_OF_A_CHILD),
  });
}

function childInput(
  { dimensions, provider_options }: EmbedInput,
  texts: string[],
  model: string,
): EmbedInput {
  return { input: texts, model, dimensions, provider_options, encoding: "base64" };
}

function checkCount(count: number, isAll: boolean): void {
  if (count === 0 && isAll) throw new AppError("input_invalid", { message: "The file has no texts." });
  if (count <= LIMITS.corpusTexts) return;
  const message = `The file has more than ${LIMITS.corpusTexts} texts. Split it into several jobs.`;
  throw new AppError("children_exceeded", { message });
}

/** A turn for each file: all of them together may take longer than an attempt has. */
async function writeNext(input: EmbedInput, ctx: TaskContext, state: TurnState): Promise<Outcome<Output>> {
  const { count, model } = state;
  const dimensions = await dimensionsOf(ctx.children);
  const [file] = CORPUS_FILES.slice(state.files.length);
  if (!file) return done({ embeddings: [], count, dimensions, model, files: state.files });
  const written = await ctx.write(file.name, file.content({ input, ctx, dimensions }));
  const files = [...state.files, toField(written)];
  ctx.progress(files.length, CORPUS_FILES.length);
  return files.length < CORPUS_FILES.length
    ? again({ ...state, files })
    : done({ embeddings: [], count, dimensions, model, files });
}
