// /v1/files: files are uploaded in one piece, looked at, downloaded and deleted.

import { createRoute, type RouteConfig, z } from "@hono/zod-openapi";
import { pageOf } from "../../contract/envelope";
import { fileSchema, presentFile, uploadFileQuery } from "../../contract/file";
import { AppError } from "../../core/errors";
import type { StoredFile } from "../../core/file";
import { isFileId } from "../../core/ids";
import { LIMITS } from "../../core/limits";
import { eraseFile } from "../../engine/erase-files";
import { storeFile } from "../../engine/store-file";
import { type FileRecord, getFile, listFiles as readPage } from "../../store/files";
import { openStream } from "../../store/object-range";
import { fileKey } from "../../store/objects";
import { PART_BYTES } from "../../store/sealed-chunks";
import type { App, HttpContext } from "../context";
import { readIncoming } from "../file-content";
import { allow } from "../middleware/authenticate";
import { answerRange } from "../range-answer";
import { bearer, failures, json } from "../responses";

const shared = { tags: ["Files"], security: bearer };
const write = allow({ scope: "jobs:write", token: null });
const read = allow({ scope: "jobs:read", token: null });
export const fileParams = z.object({ id: z.string().openapi({ description: "The file's id." }) });

const binary = { type: "string" as const, format: "binary" };

const uploadFile = createRoute({
  ...shared,
  method: "post",
  path: "/v1/files",
  summary: "Upload a file",
  description:
    "The body is the file, of any type; or a form with the one field `file`. `Content-Digest: sha-256=:…:` is checked. Nothing " +
    "is kept of what breaks off.",
  middleware: write,
  // Only said here: the body is read as it comes.
  requestBody: {
    content: {
      "*/*": { schema: binary },
      "multipart/form-data": {
        schema: { type: "object" as const, required: ["file"], properties: { file: binary } },
      },
    },
  },
  request: { query: uploadFileQuery },
  responses: { 201: json(fileSchema, "The file."), ...failures },
});

const listFiles = createRoute({
  ...shared,
  method: "get",
  path: "/v1/files",
  summary: "List files, newest first",
  middleware: read,
  request: {
    query: z.object({
      limit: z.coerce.number().int().min(1).max(LIMITS.pageSize).default(20),
      cursor: z.string().max(64).optional().openapi({ description: "`next_cursor` of the page before." }),
    }),
  },
  responses: { 200: json(pageOf(fileSchema), "A page, uploads included."), ...failures },
});

const showFile = createRoute({
  ...shared,
  method: "get",
  path: "/v1/files/{id}",
  summary: "Get a file's description",
  middleware: read,
  request: { params: fileParams },
  responses: { 200: json(fileSchema, "The file, without its content."), ...failures },
});

// Widened on purpose: a typed answer could not be a stream.
const content = (description: string): RouteConfig["responses"][string] => ({
  description,
  content: { "*/*": { schema: binary } },
});

const getContent = createRoute({
  ...shared,
  method: "get",
  path: "/v1/files/{id}/content",
  summary: "Download a file",
  description: "`Range: bytes=…` gives a part of it.",
  middleware: read,
  request: { params: fileParams },
  responses: { 200: content("The content."), 206: content("The range."), ...failures },
});

const deleteFile = createRoute({
  ...shared,
  method: "delete",
  path: "/v1/files/{id}",
  summary: "Delete a file",
  middleware: write,
  request: { params: fileParams },
  responses: { 204: { description: "It is gone." }, ...failures },
});

export function fileRoutes(app: App): void {
  app.openapi(uploadFile, async (c) => {
    const { deps } = c.var;
    const stored = storeFile(deps, await readIncoming(c, c.req.valid("query").name));
    // So that it is cleared up after a client that has hung up, whose request the platform ends.
    deps.background(stored.catch(() => {}));
    const file = await stored;
    c.header("location", `/v1/files/${file.id}`);
    return c.json(showOnWire(file), 201);
  });

  app.openapi(listFiles, async (c) => {
    const { limit, cursor } = c.req.valid("query");
    if (cursor !== undefined && !isFileId(cursor)) throw new AppError("invalid_cursor", { param: "cursor" });
    const page = await readPage(c.var.deps.db, c.var.caller.projectId, limit, cursor ?? null);
    const data = page.files.map(showOnWire);
    return c.json(
      { object: "list" as const, data, has_more: page.next !== null, next_cursor: page.next },
      200,
    );
  });

  app.openapi(showFile, async (c) => {
    return c.json(showOnWire(await findFile(c, c.req.valid("param").id)), 200);
  });

  app.openapi(getContent, async (c) => {
    const file = await findFile(c, c.req.valid("param").id);
    if (file.state !== "ready") throw new AppError("file_not_ready");
    return answerContent(c, file);
  });

  app.openapi(deleteFile, async (c) => {
    const { id } = c.req.valid("param");
    const erased = isFileId(id) && (await eraseFile(c.var.deps, c.var.caller.projectId, id));
    if (!erased) throw new AppError("not_found");
    return c.body(null, 204);
  });
}

/** Throws `not_found`. */
export async function findFile(c: HttpContext, id: string): Promise<FileRecord> {
  const file = isFileId(id) ? await getFile(c.var.deps.db, c.var.caller.projectId, id) : null;
  if (!file) throw new AppError("not_found");
  return file;
}

export const showOnWire = (file: StoredFile) => presentFile(file, PART_BYTES);

function answerContent(c: HttpContext, file: StoredFile): Promise<Response> {
  return answerRange(c, {
    ...file,
    bytes: file.sizeBytes ?? 0,
    etag: `"${file.sha256}"`,
    open: (range) => openStream(c.var.deps, file, fileKey(file), range),
  });
}
