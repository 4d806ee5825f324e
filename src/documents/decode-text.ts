// Bytes of a text as characters, by the charset that they or their sender name.

import { unreadable } from "./document";

const META_CHARSET = /<meta\s[^>]*charset\s*=\s*["']?\s*([\w.:-]+)/i;
/** A browser looks for a page's own charset in so many bytes. */
const META_BYTES = 1_024;

/** A byte order mark has the first word, then the sender, then the page itself; without any it is UTF-8 or what came before it. */
export function decodeText(bytes: Uint8Array, contentType: string, isHtml: boolean): string {
  const charset = byMark(bytes) ?? byParameter(contentType) ?? (isHtml ? byMeta(bytes) : null);
  const text = charset === null ? decodeUnnamed(bytes) : decoderOf(charset).decode(bytes);
  if (text.includes("\0")) {
    throw unreadable("The document has NUL characters, which no text has. Send text, Markdown, HTML or PDF.");
  }
  return text;
}

function byMark([first, second, third]: Uint8Array): string | null {
  if (first === 0xef && second === 0xbb && third === 0xbf) return "utf-8";
  if (first === 0xff && second === 0xfe) return "utf-16le";
  return first === 0xfe && second === 0xff ? "utf-16be" : null;
}

function byParameter(contentType: string): string | null {
  return /;\s*charset\s*=\s*["']?([^\s;"']+)/i.exec(contentType)?.[1] ?? null;
}

function byMeta(bytes: Uint8Array): string | null {
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, META_BYTES));
  return META_CHARSET.exec(head)?.[1] ?? null;
}

function decodeUnnamed(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

function decoderOf(charset: string): TextDecoder {
  try {
    return new TextDecoder(charset);
  } catch (error) {
    throw unreadable(`The charset "${charset.slice(0, 40)}" is unknown. Send the document in UTF-8.`, error);
  }
}
