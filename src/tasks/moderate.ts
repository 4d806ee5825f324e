// Task `moderate`: whether a text breaks rules, and which.

import { z } from "zod";
import { askAboutText } from "./ask-about-text";
import { defineTask } from "./define";
import { answerSchema, type Label, labelList, labelsField, namesOf } from "./labels";

const promptFor = (
  categories: string,
) => `Moderate the text. The categories of content that is not allowed are:
${categories}

Give every category that the text itself falls under, and none if it falls under none. \
To report on such content, to ask for help with it or to argue against it does not fall under a category.`;

/** Those of OpenAI's moderation models, which others have taken over. */
const CATEGORIES: Label[] = [
  { name: "harassment", description: "insults, bullies or demeans a person or a group" },
  { name: "harassment/threatening", description: "harassment that threatens with violence or serious harm" },
  {
    name: "hate",
    description:
      "hatred of a group for its race, gender, ethnicity, religion, nationality, sexual orientation, disability or caste",
  },
  { name: "hate/threatening", description: "hate that threatens with violence or serious harm" },
  { name: "illicit", description: "gives advice or instructions on how to commit a crime or other wrong" },
  { name: "illicit/violent", description: "illicit content that has to do with violence or weapons" },
  { name: "self-harm", description: "promotes or depicts suicide, cutting, eating disorders or the like" },
  { name: "self-harm/intent", description: "the author says that they harm themselves, or intend to" },
  { name: "self-harm/instructions", description: "instructions or encouragement to harm oneself" },
  { name: "sexual", description: "meant to arouse, or promotes sexual services; not education or wellness" },
  { name: "sexual/minors", description: "sexual content with somebody under 18" },
  { name: "violence", description: "depicts death, violence or injury" },
  { name: "violence/graphic", description: "depicts death, violence or injury in graphic detail" },
];

// They become names of fields in the output.
const categoryName = z
  .string()
  .regex(/^[a-zA-Z0-9][\w/ -]{0,63}$/, "expected 1 to 64 letters, digits, spaces, and any of _ / -");

const input = z.strictObject({
  text: z.string().min(1),
  /** Instead of the usual ones. */
  categories: labelsField(categoryName).optional(),
  model: z.string().min(1).max(300).optional(),
});

const output = z.strictObject({
  /** Whether it falls under any of the categories. */
  flagged: z.boolean(),
  categories: z.record(z.string(), z.boolean()),
  model: z.string(),
});

/** Has been checked against the schema by then. */
const answer = z.object({ categories: z.array(z.string()) });

export const moderate = defineTask<z.infer<typeof input>, z.infer<typeof output>>({
  name: "moderate",
  description: "Whether a text breaks rules, by category.",
  kind: "chat",
  input,
  output,
  defaults: { max_attempts: 5, timeout_s: 300 },

  run({ text, categories = CATEGORIES }, ctx) {
    const names = namesOf(categories);
    const question = {
      name: "moderate",
      text,
      prompt: promptFor(labelList(categories)),
      strict: true,
      schema: answerSchema({ categories: { type: "array", items: { type: "string", enum: names } } }),
    };
    return askAboutText(ctx, question, (json) => {
      const found = answer.parse(json).categories;
      return {
        flagged: found.length > 0,
        categories: Object.fromEntries(names.map((name) => [name, found.includes(name)])),
        model: ctx.model,
      };
    });
  },
});
