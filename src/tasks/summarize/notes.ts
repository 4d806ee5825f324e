// The later levels of a summary: notes are merged group by group, until one call can write the summary from them.

import { AppError } from "../../core/errors";
import type { Child } from "../../core/outcome";
import type { EndedChild, TaskContext } from "../define";
import { askModel, countTokens } from "../long-text/children";
import { fence } from "../long-text/fence";
import type { SummarizeInput } from "./input";
import { joinMarked, type Marked, readMarks, type Span } from "./marks";
import { pack } from "./pack";
import { mergePrompt, summaryPrompt } from "./prompts";
import { type ChildMetadata, childMetadata, type SummarizeState } from "./state";

/** What a child has answered, with its marks read. */
export type Answer = Marked & { model: string };

/** Of the children from one index up to another, those that have completed. Throws `child_failed` for one above the chunks that has not. */
export async function readAnswers(
  { children }: TaskContext,
  [from, to]: readonly [number, number],
  input: SummarizeInput,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for await (const child of children.ended(undefined, from)) {
    if (child.index >= to) break;
    if (child.state === "completed") answers.push(readAnswer(child, input));
    else if (metadataOf(child).level > 0) throw lost(child);
  }
  return answers;
}

/** The places of the chunks that have no answer. */
export async function missingChunks({ children }: TaskContext, chunks: number): Promise<Span[]> {
  const missing: Span[] = [];
  for await (const child of children.ended(["failed", "cancelled"])) {
    if (child.index >= chunks) break;
    const { start = 0, end = 0 } = metadataOf(child);
    missing.push({ start, end });
  }
  return missing;
}

/** The next level: one call for each group of answers; the summary itself when it is one group. */
export function* noteCalls(
  input: SummarizeInput,
  answers: Answer[],
  { level, tokens }: SummarizeState,
): Iterable<Child> {
  const groups = pack(answers, ({ text }) => countTokens(text), tokens.notes);
  for (const [i, group] of groups.entries()) {
    const { text, spans } = joinMarked(group);
    const fenced = fence(text);
    const instructions =
      groups.length === 1 ? summaryPrompt(input, fenced, "notes") : mergePrompt(input, fenced, tokens.notes);
    const marks = spans.map(({ start, end }): [number, number] => [start, end]);
    const metadata: ChildMetadata = { level, ...(input.citations !== false && { marks }) };
    const about = { customId: `notes-${level}-${i + 1}`, metadata };
    yield askModel(input, { instructions, prompt: fenced.text }, about);
  }
}

function readAnswer(child: EndedChild, { citations = true }: SummarizeInput): Answer {
  const { text, model } = JSON.parse(child.output ?? "{}") as { text: string; model: string };
  if (!citations) return { text, spans: [], model };
  const { level, start = 0, end = 0, marks = [] } = metadataOf(child);
  const known = marks.map(([start, end]) => ({ start, end }));
  const marked = readMarks(text, known);
  if (level > 0 || marked.spans.length > 0 || marked.text.trim() === "") return { ...marked, model };
  // A model that has put no marks at all: what it says comes from somewhere in its chunk.
  return { text: `${marked.text.trimEnd()} [1]`, spans: [{ start, end }], model };
}

function metadataOf(child: EndedChild): ChildMetadata {
  return childMetadata.parse(child.metadata);
}

function lost({ id, customId, state, error }: EndedChild): AppError {
  const how = error ? `failed with ${error.code}: ${error.message}` : `is ${state}`;
  return new AppError("child_failed", { message: `The child ${id} (${customId}) ${how}` });
}
