// The input of task `bulk_generate`: a template, the rows that fill it, and the settings of all answers.

import { z } from "zod";
import { LIMITS } from "../core/limits";
import { generateFields } from "./generate-input";

const fields = generateFields
  .omit({ prompt: true, tools: true, tool_choice: true, parallel_tool_calls: true })
  .extend({
    /** The prompt, with `{{variables}}`. Or `messages` with some. */
    template: z.string().min(1).optional(),
    rows: z.array(z.record(z.string(), z.unknown())).min(1).max(LIMITS.batchItems).optional(),
    /** CSV with a header, or JSON Lines. */
    file_id: z.string().min(1).max(64).optional(),
    /** Of the file, where neither its name nor its type tells. */
    format: z.enum(["csv", "jsonl"]).optional(),
    on_item_failure: z.enum(["continue", "stop"]).optional(),
    /** Default: the format of the rows. */
    output: z.enum(["jsonl", "csv"]).optional(),
  });

export type BulkGenerateInput = z.infer<typeof fields>;

export const bulkGenerateInput = fields
  .refine(({ template, messages }) => (template === undefined) !== (messages === undefined), {
    message: "expected either `template` or `messages`",
    path: ["template"],
  })
  .refine(({ rows, file_id }) => (rows === undefined) !== (file_id === undefined), {
    message: "expected either `rows` or `file_id`",
    path: ["rows"],
  });
