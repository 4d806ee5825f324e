// What the models are told by task `summarize`. Constant as far as it can be, and about no place in the document.

import { type Fenced, fenceWords } from "../long-text/fence";
import { LENGTHS, type SummarizeInput } from "./input";

const PURPOSE = "material to be summarized";

const NOTES =
  "You take notes on one part of a long document, from which a summary of the whole will be written by somebody who does not see " +
  "the document. Write down what matters: claims, findings, facts, names, numbers, dates, decisions, and what depends on what. " +
  "Write plain, complete sentences in the language of the text. Leave out greetings, navigation, advertising and repetition.";

const MERGE =
  "Below are notes on consecutive parts of a long document, in its order. Merge them into one set of notes, from which a summary of " +
  "the whole will be written. Keep every claim, fact, name, number, date and decision that matters for the document as a whole; " +
  "say once what is said twice. Write plain, complete sentences in the language of the notes.";

const SUMMARY = "Write a summary of the document below, for a reader who has not read it.";

const SUMMARY_OF_NOTES =
  "Below are notes on consecutive parts of one document, in its order. Write a summary of the document from them, for a reader who has " +
  "not read it. It is a summary of the document: do not speak of notes or parts.";

const FAITHFUL =
  'Say nothing that is not in the text. Where it contradicts itself, say so. Begin at once, without a heading such as "Summary" and ' +
  "without a word about yourself or the task.";

const MARKS_OF_PASSAGES =
  "Each passage of the text begins with its number in brackets, such as [3]. Behind each statement of yours put the numbers of the " +
  "passages that it comes from, as [3] or [3][4]. Use no number that is not there, and brackets with numbers for nothing else.";

const MARKS_OF_NOTES =
  "Numbers in brackets in the text, such as [3], lead to the sources of a statement. Keep them: behind each statement of yours put the " +
  "numbers of the statements that it is made from, as [3] or [3][4]. Use no number that is not there, and brackets with numbers for " +
  "nothing else.";

const STYLE = {
  paragraph: "Write prose in paragraphs, without headings and lists.",
  bullets: "Write a Markdown list, one point an item, the most important first.",
  outline: "Write Markdown: a short heading for each subject, and a list of its points under it.",
};

/** Notes are so much shorter than what they are about, at about three words for four tokens. */
const WORDS_OF_NOTES_A_TOKEN = 0.75 / 8;
const LEAST_WORDS_OF_NOTES = 60;

/** `tokens`: how large a chunk may be. Not how large this one is: then an edit elsewhere would change the prompt. */
export function notesPrompt(input: SummarizeInput, { name }: Fenced, tokens: number): string {
  return lines(NOTES, atMost(tokens), FAITHFUL, wishes(input), marks(input, MARKS_OF_PASSAGES), fenced(name));
}

export function mergePrompt(input: SummarizeInput, { name }: Fenced, tokens: number): string {
  return lines(MERGE, atMost(tokens), FAITHFUL, wishes(input), marks(input, MARKS_OF_NOTES), fenced(name));
}

/** `of`: the document itself, when it is short enough, or notes on it. */
export function summaryPrompt(input: SummarizeInput, { name }: Fenced, of: "document" | "notes"): string {
  const { style = "paragraph", length = "medium", language } = input;
  const words = typeof length === "number" ? length : LENGTHS[length];
  return lines(
    of === "document" ? SUMMARY : SUMMARY_OF_NOTES,
    `${STYLE[style]} It should have about ${words} words, and fewer when the text has not more to say.`,
    language === undefined ? "Write in the language of the text." : `Write in this language: ${language}.`,
    FAITHFUL,
    wishes(input),
    marks(input, of === "document" ? MARKS_OF_PASSAGES : MARKS_OF_NOTES),
    fenced(name),
  );
}

function lines(...parts: string[]): string {
  return parts.filter((part) => part !== "").join("\n\n");
}

function atMost(tokens: number): string {
  return `Write at most ${Math.max(LEAST_WORDS_OF_NOTES, Math.round(tokens * WORDS_OF_NOTES_A_TOKEN))} words.`;
}

function wishes({ instructions }: SummarizeInput): string {
  return instructions === undefined
    ? ""
    : `Whoever wants the summary asks for this in particular:\n${instructions}`;
}

function marks({ citations = true }: SummarizeInput, words: string): string {
  return citations ? words : "";
}

function fenced(name: string): string {
  return fenceWords(name, PURPOSE);
}
