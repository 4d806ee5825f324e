// Files on the wire.

import { z } from "@hono/zod-openapi";
import type { StoredFile } from "../core/file";
import { LIMITS } from "../core/limits";
import { plainText } from "./text";

export const fileNameSchema = plainText(LIMITS.fileNameLength);

// What may stand in a header: it comes back as the Content-Type of the content.
const contentTypeSchema = z
  .string()
  .max(LIMITS.contentTypeLength)
  .regex(/^[\w.+-]+\/[\w.+-]+( *;[ -~]*)?$/, "expected a media type, such as application/jsonl");

export const uploadFileQuery = z.object({
  name: fileNameSchema.optional().openapi({ description: "Default: the filename in the form, or `file`." }),
});

/** Of content whose headers or form say what it is. */
export const fileHeadSchema = z.object({ name: fileNameSchema, content_type: contentTypeSchema });

export const beginUploadSchema = z
  .strictObject({
    name: fileNameSchema,
    content_type: contentTypeSchema.optional().openapi({ description: "Default: application/octet-stream." }),
    size_bytes: z.int().min(1).max(LIMITS.fileBytes).optional().openapi({
      description: "When it is given, each part is held against it.",
    }),
  })
  .openapi("BeginUpload");

export const completeUploadSchema = z
  .strictObject({
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, "expected 64 lowercase hex digits")
      .optional()
      .openapi({ description: "What the content must have. If it has not, the file is erased." }),
  })
  .openapi("CompleteUpload");

export const fileSchema = z
  .object({
    id: z.string().openapi({ example: "file_01KAM2T2Q5W4R0E8Z6S3N7Y9XB" }),
    object: z.literal("file"),
    name: z.string(),
    content_type: z.string(),
    size_bytes: z.int().nullable().openapi({ description: "Of an upload: what was announced." }),
    sha256: z.string().nullable().openapi({ description: "Of the content, in hex. Null until it is ready." }),
    state: z.enum(["uploading", "ready"]),
    parts: z
      .array(z.object({ number: z.int(), size_bytes: z.int() }))
      .optional()
      .openapi({ description: "Of an upload: the parts that are there." }),
    part_bytes: z
      .int()
      .optional()
      .openapi({ description: "Of an upload: the size of each part but the last." }),
    created_at: z.iso.datetime(),
    expires_at: z.iso.datetime().openapi({ description: "When it is erased." }),
  })
  .openapi("File");

/** A file that a job has written. */
export const jobFileSchema = z
  .object({ name: z.string(), bytes: z.int(), content_type: z.string() })
  .openapi("JobFile");

export function presentFile(file: StoredFile, partBytes: number): z.infer<typeof fileSchema> {
  const parts = Object.entries(file.parts).map(([number, { bytes }]) => ({
    number: Number(number),
    size_bytes: bytes,
  }));
  return {
    id: file.id,
    object: "file",
    name: file.name,
    content_type: file.contentType,
    size_bytes: file.sizeBytes,
    sha256: file.sha256,
    state: file.state,
    ...(file.state === "uploading" ? { parts, part_bytes: partBytes } : {}),
    created_at: new Date(file.createdAt).toISOString(),
    expires_at: new Date(file.expiresAt).toISOString(),
  };
}
