// Task `extract`: what a text says, as JSON of a given schema.

import { z } from "zod";
import { schemaProblems } from "../llm/schema-problems";
import { checkAnswer } from "../llm/structured";
import { askAboutText } from "./ask-about-text";
import { defineTask } from "./define";
import { jsonSchema } from "./generate-input";

const PROMPT = `Extract from the text what the JSON schema of the answer asks for.
Take only what the text says. Do not guess: where the text does not say it, use null or an empty value if the schema allows it, and leave out what is optional.
Copy names, numbers and quotations as they stand.`;

const text = z.string().min(1);

const input = z
  .strictObject({
    text,
    schema: jsonSchema,
    model: z.string().min(1).max(300).optional(),
    instructions: z.string().min(1).optional(),
    /** Texts with what is to be extracted from them. */
    examples: z
      .array(z.strictObject({ text, data: z.unknown().nonoptional() }))
      .max(50)
      .optional(),
  })
  .superRefine(({ schema, examples = [] }, ctx) => {
    if (schemaProblems(schema).length > 0) return;
    for (const [i, { data }] of examples.entries()) {
      const checked = checkAnswer(JSON.stringify(data), schema);
      if (checked.ok) continue;
      const message = `does not fit \`schema\`: ${checked.problems[0]}`;
      ctx.addIssue({ code: "custom", path: ["examples", i, "data"], message });
    }
  });

const output = z.strictObject({ data: z.unknown(), model: z.string() });

export const extract = defineTask<z.infer<typeof input>, z.infer<typeof output>>({
  name: "extract",
  description: "What a text says, as JSON of a given schema.",
  kind: "chat",
  input,
  output,
  defaults: { max_attempts: 5, timeout_s: 600 },

  run({ text, schema, instructions, examples }, ctx) {
    const question = { name: "extract", text, prompt: PROMPT, instructions, examples, schema };
    return askAboutText(ctx, question, (data) => ({ data, model: ctx.model }));
  },
});
