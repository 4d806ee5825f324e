// What a document is once it is read, and how one is refused.

import { AppError } from "../core/errors";

export type DocumentKind = "text" | "markdown" | "html" | "pdf";

export type ReadDocument = {
  text: string;
  kind: DocumentKind;
  title?: string;
  /** Of a PDF: where in the text each page is, in UTF-16 code units. */
  pages?: { page: number; start: number; end: number }[];
};

/** `message` says what was met and what was expected; it is shown to whoever sent the document. */
export function unreadable(message: string, cause?: unknown): AppError {
  return new AppError("document_unreadable", { message, cause });
}
