// Labels that a text can get: as a field of an input, in a prompt, and as the schema of an answer.

import { z } from "zod";

// OpenAI takes up to 1,000 values of enums in all schemas of a call; each of ours costs tokens of every prompt.
const MAX_LABELS = 250;

/** `name`: of one label. */
export function labelsField(name: z.ZodString) {
  const label = z.union([name, z.strictObject({ name, description: z.string().min(1).max(1_000) })]);
  return z
    .array(label)
    .min(1)
    .max(MAX_LABELS)
    .refine((labels) => new Set(namesOf(labels)).size === labels.length, "expected each name once");
}

export type Label = string | { name: string; description: string };

export function namesOf(labels: Label[]): string[] {
  return labels.map((label) => (typeof label === "string" ? label : label.name));
}

/** One a line. */
export function labelList(labels: Label[]): string {
  return labels
    .map((label) => (typeof label === "string" ? `- ${label}` : `- ${label.name}: ${label.description}`))
    .join("\n");
}

/** The answer's object, with all its fields required: what providers can keep a model to. */
export function answerSchema(properties: Record<string, unknown>) {
  return { type: "object", properties, required: Object.keys(properties), additionalProperties: false };
}
