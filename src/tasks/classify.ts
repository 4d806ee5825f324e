// Task `classify`: which of some labels fit a text.

import { z } from "zod";
import { askAboutText } from "./ask-about-text";
import { defineTask } from "./define";
import { answerSchema, labelList, labelsField, namesOf } from "./labels";

const promptFor = (labels: string, multiple: boolean) => `Classify the text. The labels are:
${labels}

${multiple ? "Give every label that fits, and none if none does." : "Give the one label that fits best."} \
"confidence" is how sure you are of the whole answer, from 0 to 1.`;

const input = z.strictObject({
  text: z.string().min(1),
  labels: labelsField(z.string().min(1).max(100)),
  /** Any number of labels instead of one. */
  multiple: z.boolean().optional(),
  model: z.string().min(1).max(300).optional(),
  instructions: z.string().min(1).optional(),
});

const output = z.strictObject({
  label: z.string().optional(),
  /** With `multiple`: in the order of the input. */
  labels: z.array(z.string()).optional(),
  /** The model's own word for it, from 0 to 1. */
  confidence: z.number(),
  model: z.string(),
});

/** Has been checked against the schema by then. */
const answer = z.object({
  label: z.string().optional(),
  labels: z.array(z.string()).default([]),
  confidence: z.number(),
});

export const classify = defineTask<z.infer<typeof input>, z.infer<typeof output>>({
  name: "classify",
  description: "Which of some labels fit a text: one, or any number.",
  kind: "chat",
  input,
  output,
  defaults: { max_attempts: 5, timeout_s: 300 },

  run({ text, labels, multiple = false, instructions }, ctx) {
    const names = namesOf(labels);
    const one = { type: "string", enum: names };
    const question = {
      name: "classify",
      text,
      prompt: promptFor(labelList(labels), multiple),
      instructions,
      strict: true,
      schema: answerSchema({
        ...(multiple ? { labels: { type: "array", items: one } } : { label: one }),
        confidence: { type: "number", minimum: 0, maximum: 1 },
      }),
    };
    return askAboutText(ctx, question, (json) => {
      const given = answer.parse(json);
      const found = multiple
        ? { labels: names.filter((name) => given.labels.includes(name)) }
        : { label: given.label };
      return { ...found, confidence: given.confidence, model: ctx.model };
    });
  },
});
