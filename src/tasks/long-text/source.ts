// Reads the text that a job is about: from its input, from a file or from a URL, which is fetched once.

import { LIMITS } from "../../core/limits";
import type { ReadDocument } from "../../documents/document";
import { readDocument } from "../../documents/read-document";
import type { JobFile, TaskContext } from "../define";
import type { SourceInput } from "./source-input";

/** `file`: where it is kept for later turns; null: in the job's input. */
export type Source = { document: ReadDocument; file: JobFile | null };

const KEPT_AS = "document.json";

const ACCEPT =
  "text/html, application/pdf, text/markdown, text/plain;q=0.9, application/xhtml+xml;q=0.9, */*;q=0.5";

/** On the first turn. What had to be fetched or converted is written down, so that it is done once. */
export async function openSource(input: SourceInput, ctx: TaskContext): Promise<Source> {
  if (input.text !== undefined) return { document: ofText(input.text), file: null };
  const document =
    input.url === undefined ? await readUpload(input.file_id ?? "", ctx) : await readUrl(input.url, ctx);
  return { document, file: await ctx.write(KEPT_AS, asJson(document)) };
}

/** On every later turn. */
export async function reopenSource(
  input: SourceInput,
  file: JobFile | null,
  ctx: TaskContext,
): Promise<ReadDocument> {
  if (file === null) return ofText(input.text ?? "");
  return JSON.parse(await ctx.readBack(file)) as ReadDocument;
}

export function aboutSource({ kind, text, pages }: ReadDocument) {
  return { kind, chars: text.length, ...(pages && { pages: pages.length }) };
}

function ofText(text: string): ReadDocument {
  return { text, kind: "text" };
}

async function readUpload(id: string, { files }: TaskContext): Promise<ReadDocument> {
  const { name, contentType } = await files.describe(id);
  // A byte more than a document may have, so that a larger one is seen and refused.
  const bytes = await files.read(id, 0, LIMITS.documentBytes + 1);
  return readDocument(bytes, contentType, name);
}

async function readUrl(url: string, ctx: TaskContext): Promise<ReadDocument> {
  const found = await ctx.fetchPublic(url, { maxBytes: LIMITS.documentBytes, accept: ACCEPT });
  return readDocument(found.bytes, found.contentType, new URL(found.url).pathname);
}

async function* asJson(document: ReadDocument): AsyncGenerator<string, void, undefined> {
  yield JSON.stringify(document);
}
