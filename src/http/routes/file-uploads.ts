// /v1/files/uploads: files that come part by part, and go on after a break.

import { createRoute, z } from "@hono/zod-openapi";
import { beginUploadSchema, completeUploadSchema, fileSchema } from "../../contract/file";
import { LIMITS } from "../../core/limits";
import { beginUpload, completeUpload, putUploadPart } from "../../engine/upload-parts";
import { PART_BYTES } from "../../store/sealed-chunks";
import type { App } from "../context";
import { allow } from "../middleware/authenticate";
import { readBody } from "../read-body";
import { bearer, body, failures, json } from "../responses";
import { fileParams, findFile, showOnWire } from "./files";

const shared = {
  tags: ["Files"],
  security: bearer,
  middleware: allow({ scope: "jobs:write", token: null }),
};

const MAX_PARTS = Math.ceil(LIMITS.fileBytes / PART_BYTES);

const beginRoute = createRoute({
  ...shared,
  method: "post",
  path: "/v1/files/uploads",
  summary: "Begin an upload by parts",
  description: "It has to be complete within a day.",
  request: body(beginUploadSchema),
  responses: { 201: json(fileSchema, "The file, in the state `uploading`."), ...failures },
});

const partRoute = createRoute({
  ...shared,
  method: "put",
  path: "/v1/files/{id}/parts/{number}",
  summary: "Upload a part",
  description:
    "Of `part_bytes` bytes, the last one shorter. In any order, side by side, and again if need be.",
  // Only said here: bytes are read as they come.
  requestBody: { content: { "*/*": { schema: { type: "string" as const, format: "binary" } } } },
  request: {
    params: fileParams.extend({ number: z.coerce.number().int().min(1).max(MAX_PARTS) }),
  },
  responses: { 200: json(fileSchema, "The file, with the parts that are there."), ...failures },
});

const completeRoute = createRoute({
  ...shared,
  method: "post",
  path: "/v1/files/{id}/complete",
  summary: "Complete an upload by parts",
  description: "Repeatable.",
  request: {
    params: fileParams,
    body: { content: { "application/json": { schema: completeUploadSchema } } },
  },
  responses: { 200: json(fileSchema, "The file, ready."), ...failures },
});

export function fileUploadRoutes(app: App): void {
  app.openapi(beginRoute, async (c) => {
    const { name, content_type, size_bytes } = c.req.valid("json");
    const { projectId } = c.var.caller;
    const contentType = content_type ?? "application/octet-stream";
    const file = await beginUpload(c.var.deps, {
      projectId,
      name,
      contentType,
      sizeBytes: size_bytes ?? null,
    });
    c.header("location", `/v1/files/${file.id}`);
    return c.json(showOnWire(file), 201);
  });

  app.openapi(partRoute, async (c) => {
    const { id, number } = c.req.valid("param");
    const file = await findFile(c, id);
    const bytes = new Uint8Array(await (await readBody(c, PART_BYTES)).arrayBuffer());
    return c.json(showOnWire(await putUploadPart(c.var.deps, file, number, bytes)), 200);
  });

  app.openapi(completeRoute, async (c) => {
    const { id } = c.req.valid("param");
    const { sha256 } = c.req.valid("json");
    const file = await findFile(c, id);
    return c.json(showOnWire(await completeUpload(c.var.deps, file, sha256 ?? null)), 200);
  });
}
