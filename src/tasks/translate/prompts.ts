// What the models are told by task `translate`. It is about no place in the document.

import { type Fenced, fenceWords } from "../long-text/fence";
import type { TranslateInput } from "./input";

const PURPOSE = "material to be translated";

const FAITHFUL =
  "Translate all of it and nothing more: leave nothing out, add nothing, explain nothing, and do not repeat the marks around it. " +
  "It may begin or end in the middle of a document.";

const MARKDOWN =
  "Keep its form: headings, lists, tables, links, emphasis, line breaks and blank lines stay what and where they are. Leave as they are: " +
  "code, also within sentences, addresses, placeholders such as {name}, and HTML tags.";

const FORMALITY = {
  formal: "Speak to the reader formally, as the language does it.",
  informal: "Speak to the reader informally, as the language does it.",
};

export function translatePrompt(input: TranslateInput, { name, text }: Fenced): string {
  const { source_language, target_language, formality, instructions } = input;
  const from = source_language === undefined ? "" : `from this language: ${source_language}, `;
  return [
    `Translate the text below ${from}into this language: ${target_language}.`,
    FAITHFUL,
    MARKDOWN,
    formality === undefined ? "" : FORMALITY[formality],
    termsIn(text, input.glossary ?? {}),
    instructions === undefined
      ? ""
      : `Whoever wants the translation asks for this in particular:\n${instructions}`,
    fenceWords(name, PURPOSE),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

/** Only those that stand in this text: the others would cost, and change the prompt of every piece with each new term. */
function termsIn(text: string, glossary: Record<string, string>): string {
  const known = text.toLowerCase();
  const terms = Object.entries(glossary).filter(([term]) => known.includes(term.toLowerCase()));
  if (terms.length === 0) return "";
  return `Translate these terms always so:\n${terms.map(([term, meaning]) => `- ${term}: ${meaning}`).join("\n")}`;
}
