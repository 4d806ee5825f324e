// Any text and any document, for what cuts and reads texts.

import fc from "fast-check";
import { SAMPLES } from "./text-samples";

const run = (unit: string, most: number) => fc.nat({ max: most }).map((count) => unit.repeat(count));

/** Anything at all: lone surrogates, flags, families, endless words, no white space, nothing but white space. */
export const anyText = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }),
      fc.string({ unit: "grapheme", maxLength: 40 }),
      fc.array(fc.nat({ max: 0xffff }), { maxLength: 20 }).map((codes) => String.fromCharCode(...codes)),
      fc.constantFrom(
        "👨‍👩‍👧‍👦",
        "🇯🇵🇩🇪🇫🇷",
        "e\u0301\u0302",
        "한국어",
        "\r\n\r\n",
        "\n\n# A\n",
        "```\n",
        "- ",
        " ",
      ),
      fc.constantFrom("x", " ", "\n", "字", "🇦", "\u0301", "👍🏽").chain((unit) => run(unit, 120)),
      fc.constantFrom(...Object.values(SAMPLES)).map((text) => text.slice(0, 200)),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(""));

const sentence = fc
  .array(fc.stringMatching(/^[a-z]{2,9}$/), { minLength: 3, maxLength: 14 })
  .map((words) => `${words.join(" ")}.`.replace(/^./, (first) => first.toUpperCase()));

export const paragraph = fc.array(sentence, { minLength: 1, maxLength: 6 }).map((list) => list.join(" "));

export const codeBlock = fc
  .array(fc.stringMatching(/^[a-z]{2,9} = [0-9]{1,5};$/), { minLength: 1, maxLength: 8 })
  .map((lines) => ["```js", ...lines, "```"].join("\n"));

export const listItem = paragraph.map((text) => `- ${text}`);

/** Markdown as people write it. */
export const anyDocument = fc
  .array(
    fc.oneof(
      { arbitrary: paragraph, weight: 4 },
      codeBlock,
      fc.array(listItem, { minLength: 1, maxLength: 4 }).map((items) => items.join("\n")),
      sentence.map((text) => `## ${text.slice(0, 20)}`),
    ),
    { minLength: 1, maxLength: 30 },
  )
  .map((blocks) => `${blocks.join("\n\n")}\n`);
