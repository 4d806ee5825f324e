// Reads a document of any kind that Errand knows, as one text.

import { LIMITS } from "../core/limits";
import { decodeText } from "./decode-text";
import { type DocumentKind, type ReadDocument, unreadable } from "./document";
import { readHtml } from "./html";
import { readPdf } from "./pdf";

const BY_TYPE: [pattern: RegExp, kind: DocumentKind][] = [
  [/^application\/(x-)?pdf$/, "pdf"],
  [/^(text\/html|application\/xhtml\+xml)$/, "html"],
  [/^text\/(x-)?markdown$/, "markdown"],
  [/^(text\/.+|application\/(json|xml|yaml|toml)|.+\+(json|xml|yaml))$/, "text"],
];

const BY_NAME: [pattern: RegExp, kind: DocumentKind][] = [
  [/\.pdf$/i, "pdf"],
  [/\.x?html?$/i, "html"],
  [/\.(md|markdown)$/i, "markdown"],
];

/** `contentType` and `name` as their sender gave them; either may be empty. Throws `document_unreadable`. */
export async function readDocument(
  bytes: Uint8Array,
  contentType: string,
  name: string,
): Promise<ReadDocument> {
  if (bytes.byteLength > LIMITS.documentBytes) {
    throw unreadable(`The document is larger than ${LIMITS.documentBytes / 1e6} MB. Send it in parts.`);
  }
  const kind = kindOf(bytes, contentType, name);
  if (kind === "pdf") return readPdf(bytes);
  const raw = decodeText(bytes, contentType, kind === "html");
  const read = kind === "html" ? readHtml(raw) : { text: raw, ...titleOf(kind, raw) };
  if (read.text.trim() === "") throw unreadable("The document has no text in it.");
  return { ...read, kind };
}

function kindOf(bytes: Uint8Array, contentType: string, name: string): DocumentKind {
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 512)).trimStart();
  if (start.startsWith("%PDF-")) return "pdf";
  const type = contentType.split(";")[0]?.trim().toLowerCase() ?? "";
  const named = BY_NAME.find(([pattern]) => pattern.test(name))?.[1];
  // Many servers call every text plain, and what they do not know a stream of bytes.
  const isVague = ["", "application/octet-stream", "binary/octet-stream"].includes(type);
  if (type === "text/plain" && named === "markdown") return "markdown";
  const kind = isVague ? (named ?? sniff(start)) : BY_TYPE.find(([pattern]) => pattern.test(type))?.[1];
  if (kind) return kind;
  throw unreadable(
    `Documents of type ${type.slice(0, 80)} are not read. Send text, Markdown, HTML or PDF, with its Content-Type.`,
  );
}

function sniff(start: string): DocumentKind {
  return /^(<!doctype html|<html[\s>])/i.test(start) ? "html" : "text";
}

/** The first heading of Markdown; a comment within code looks like one. */
function titleOf(kind: DocumentKind, text: string): { title?: string } {
  if (kind !== "markdown") return {};
  const [beforeCode = ""] = text.split(/^\s*(?:```|~~~)/m);
  const title = /^ {0,3}#[ \t]+(.+?)[ \t]*#*[ \t]*$/m.exec(beforeCode)?.[1];
  return title ? { title } : {};
}
