// A file of a job's own, as a field of its output.

import { z } from "zod";
import { fileTypeOf } from "../core/job-file";
import type { JobFile } from "./define";

export const jobFileField = z.strictObject({ name: z.string(), bytes: z.int(), content_type: z.string() });

export function toField({ name, bytes }: JobFile): z.infer<typeof jobFileField> {
  return { name, bytes, content_type: fileTypeOf(name) };
}
