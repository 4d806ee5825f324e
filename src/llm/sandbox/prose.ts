// Made-up text about a prompt's words: pleasant to read in a demo, and always the same for the same prompt.

import { hash, hashFraction } from "./hash";
import { toTokens } from "./tokens";

const SENTENCES = [
  "Ask ten people about {topic} and you will hear eleven opinions.",
  "The short version: {topic} rewards those who start small and measure.",
  "Nobody plans for {topic} on a Monday, yet by Friday it is all anyone talks about.",
  "What makes {topic} hard is not the first step but the third.",
  "It helps to write down what you expect before you touch {topic}.",
  'In practice the word "{word}" does more work here than most guides admit.',
  'Consider "{word}": it looks like a detail until the day it is not.',
  'Those who take "{word}" seriously tend to sleep better.',
  "There is an old joke that {topic} is easy until someone asks why.",
  'If you remember one thing, let it be "{word}".',
  "Begin with the smallest case of {topic} that could be useful, and watch it for a week.",
  'Half of the work is "{word}", the other half is waiting for it.',
  'Every story about {topic} has a quiet hero, and here it is "{word}".',
  "Give {topic} an owner, a short list and a deadline, and most of the trouble goes away.",
  "Some would call this boring; boring is what you want from {topic}.",
  "None of this is new, and that is the good news about {topic}.",
];

const SIGNATURE = "(Made up by the Errand sandbox: no model was called.)";

const MIN_TOKENS = 60;
const MAX_TOKENS = 200;
const SENTENCES_PER_PARAGRAPH = 3;

/** `tokens`: exactly this many, instead of some 60 to 200. */
export function writeProse(prompt: string, seed: number, tokens?: number): string {
  const key = `${seed}:${hash(prompt)}`;
  const topic = findTopic(prompt);
  const target = tokens ?? MIN_TOKENS + Math.floor(hashFraction(key) * (MAX_TOKENS - MIN_TOKENS));
  const title = /\b(post|article|essay|blog|story|newsletter)\b/i.test(prompt)
    ? `# ${titleOf(topic)}\n\n`
    : "";
  const room = target * 4 - title.length - SIGNATURE.length;
  const text = `${title}${paragraphs(key, topic, keywords(prompt), room)}\n\n${SIGNATURE}`;
  return tokens === undefined
    ? text
    : toTokens(`${text}\n\n`.repeat(1 + Math.ceil((tokens * 4) / text.length)))
        .slice(0, tokens)
        .join("");
}

/** What a model might think before it writes. */
export function writeReasoning(prompt: string): string {
  const topic = findTopic(prompt);
  const [word = topic] = keywords(prompt);
  return [
    `This is about ${topic}.`,
    `The word that matters is "${word}", so the answer begins there.`,
    "It need not be long, and it has to say that it is made up.",
  ].join(" ");
}

function paragraphs(key: string, topic: string, words: string[], chars: number): string {
  const ranked = SENTENCES.map((sentence, index) => ({ sentence, rank: hash(`${key}:${index}`) }));
  const order = ranked.sort((a, b) => a.rank - b.rank);
  let text = "";
  for (const [index, { sentence }] of order.entries()) {
    const word = words[index % words.length] ?? topic;
    const filled = upperFirst(sentence.replaceAll("{topic}", topic).replaceAll("{word}", word));
    if (text && text.length + filled.length > chars) break;
    text += index === 0 ? filled : `${index % SENTENCES_PER_PARAGRAPH === 0 ? "\n\n" : " "}${filled}`;
  }
  return text;
}

function findTopic(prompt: string): string {
  const named = prompt
    .match(/\b(?:about|regarding|on|of|for)\s+(?:the\s+)?([^.,;:!?\n"`{}[\]]{3,60})/i)?.[1]
    ?.trim();
  return named || keywords(prompt).slice(0, 2).join(" and ") || "this";
}

const STOP_WORDS = new Set(
  (
    "about also and are brief but can describe does each explain for from give have how into just like list " +
    "make more not one please post short some " +
    "summarize summarise tell than that the their them then there these they " +
    "this those translate want what when where which who why will with word words would write you your"
  ).split(" "),
);

function keywords(prompt: string): string[] {
  const words = prompt.match(/\p{L}{3,20}/gu) ?? [];
  return [...new Set(words.filter((word) => !STOP_WORDS.has(word.toLowerCase())))].slice(0, 12);
}

function titleOf(topic: string): string {
  return `${upperFirst(topic)}: a field guide`;
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
