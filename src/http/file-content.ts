// The content of a file that is sent: the body itself, or the field `file` of a form, as it comes.

import { fileHeadSchema } from "../contract/file";
import { AppError } from "../core/errors";
import { LIMITS } from "../core/limits";
import { boundaryOf, type FormPiece, MultipartForm } from "../core/multipart-form";
import type { IncomingFile } from "../engine/store-file";
import { fileTooLarge } from "../engine/store-file";
import type { HttpContext } from "./context";
import { invalidRequest } from "./invalid-request";

/** Delimiters and heads around the file. */
const FORM_MARGIN_BYTES = 65_536;

const DEFAULT_NAME = "file";
const DEFAULT_TYPE = "application/octet-stream";

/** Throws `invalid_request`, or `payload_too_large` if the request says so; `content` throws either as well. */
export async function readIncoming(c: HttpContext, name: string | undefined): Promise<IncomingFile> {
  const type = c.req.header("content-type") ?? DEFAULT_TYPE;
  const isForm = /^multipart\/form-data\s*(;|$)/i.test(type);
  const length = Number(c.req.header("content-length") ?? 0);
  if (length > LIMITS.fileBytes + (isForm ? FORM_MARGIN_BYTES : 0)) throw fileTooLarge();
  const sha256 = readDigest(c.req.header("content-digest"));
  const { projectId } = c.var.caller;
  if (!isForm) {
    const head = checkHead(name ?? DEFAULT_NAME, type);
    return { projectId, ...head, sha256, content: chunksOf(c) };
  }
  if (sha256 !== null)
    throw invalid("Content-Digest", "it covers the whole form: send the file itself as the body.");
  const form = await openForm(c, type);
  const head = checkHead(name ?? form.filename ?? DEFAULT_NAME, form.contentType ?? DEFAULT_TYPE);
  return { projectId, ...head, sha256, content: form.content };
}

function checkHead(name: string, contentType: string): { name: string; contentType: string } {
  const head = fileHeadSchema.safeParse({ name, content_type: contentType });
  if (!head.success) throw invalidRequest(head.error.issues, "body");
  return { name: head.data.name, contentType: head.data.content_type };
}

/** RFC 9530: `sha-256=:<base64>:`, perhaps among others. In hex; null: there is no such header. */
function readDigest(header: string | undefined): string | null {
  if (header === undefined) return null;
  const base64 = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/i.exec(header)?.[1];
  if (!base64) throw invalid("Content-Digest", "expected sha-256=:<base64 of 32 bytes>:");
  return Uint8Array.fromBase64(base64).toHex();
}

type Form = { filename: string | null; contentType: string | null; content: AsyncIterable<Uint8Array> };

/** Reads up to the head of the file. */
async function openForm(c: HttpContext, type: string): Promise<Form> {
  const boundary = boundaryOf(type);
  if (boundary === null) throw invalid("Content-Type", "multipart/form-data needs a boundary.");
  const pieces = piecesOf(chunksOf(c), new MultipartForm(boundary));
  const { value } = await pieces.next();
  const head = checkField(value);
  return { filename: head.filename, contentType: head.contentType, content: contentOf(pieces) };
}

async function* piecesOf(chunks: AsyncIterable<Uint8Array>, form: MultipartForm): AsyncGenerator<FormPiece> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.byteLength;
    if (bytes > LIMITS.fileBytes + FORM_MARGIN_BYTES) throw fileTooLarge();
    yield* form.take(chunk);
  }
  form.end();
}

async function* contentOf(pieces: AsyncGenerator<FormPiece>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    if (piece.kind === "head") throw invalid(piece.name, "expected one field, file.");
    yield piece.bytes;
  }
}

function checkField(piece: FormPiece | undefined): FormPiece & { kind: "head" } {
  if (piece?.kind !== "head") throw invalid("file", "expected a field with this name.");
  if (piece.name !== "file") throw invalid(piece.name, "expected one field, file.");
  return piece;
}

/** Throws `invalid_request` when the client breaks off. */
async function* chunksOf(c: HttpContext): AsyncGenerator<Uint8Array> {
  let left = Number(c.req.header("content-length") ?? 0);
  const reader = c.req.raw.body?.getReader();
  for (;;) {
    const { value } = (await reader?.read().catch(brokeOff)) ?? {};
    // Between Workers a body that breaks off ends as if it were whole.
    if (!value) return left > 0 ? brokeOff() : undefined;
    left -= value.byteLength;
    yield value;
  }
}

function brokeOff(cause?: unknown): never {
  throw new AppError("invalid_request", { message: "body: it broke off.", param: "body", cause });
}

function invalid(param: string, problem: string): AppError {
  return new AppError("invalid_request", { message: `${param}: ${problem}`, param });
}
