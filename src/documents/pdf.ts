// The text of a PDF, page by page.

import { type ReadDocument, unreadable } from "./document";

type Pdf = Awaited<ReturnType<typeof import("unpdf")["getDocumentProxy"]>>;

export async function readPdf(bytes: Uint8Array): Promise<ReadDocument> {
  // More than half of the bundle: evaluated by the first PDF, and not by a Worker that never sees one.
  const { getDocumentProxy } = await import("unpdf");
  // It takes the buffer for itself, which the caller may still need.
  const pdf = await getDocumentProxy(bytes.slice(), { verbosity: 0 }).catch(refuse);
  try {
    return await readPages(pdf);
  } finally {
    await pdf.loadingTask.destroy();
  }
}

function refuse(error: unknown): never {
  if (error instanceof Error && error.name === "PasswordException") {
    throw unreadable("The PDF is encrypted and asks for a password. Send one without.", error);
  }
  throw unreadable("The PDF is damaged, or is not one. Send a PDF that opens in a viewer.", error);
}

async function readPages(pdf: Pdf): Promise<ReadDocument> {
  const pages: NonNullable<ReadDocument["pages"]> = [];
  let text = "";
  for (let page = 1; page <= pdf.numPages; page++) {
    const words = await readPage(pdf, page).catch(refuse);
    if (text !== "" && words !== "") text += "\n\n";
    pages.push({ page, start: text.length, end: text.length + words.length });
    text += words;
  }
  if (text === "") {
    throw unreadable("The PDF has no text: its pages are pictures, such as scans. Send one with text in it.");
  }
  const title = await readTitle(pdf);
  return { text, kind: "pdf", pages, ...(title && { title }) };
}

async function readPage(pdf: Pdf, number: number): Promise<string> {
  const page = await pdf.getPage(number);
  const { items } = await page.getTextContent();
  page.cleanup();
  return clean(items.map((item) => ("str" in item ? item.str + (item.hasEOL ? "\n" : "") : "")).join(""));
}

/** Without what stands for glyphs that have no character, such as NUL. */
function clean(text: string): string {
  return text
    .replace(/[^\S\n]+/g, " ")
    .replace(/(?!\n)\p{Cc}/gu, "")
    .replace(/ ?\n ?/g, "\n")
    .trim();
}

async function readTitle(pdf: Pdf): Promise<string | undefined> {
  // Nothing depends on it, and what tells it may be broken.
  const meta = await pdf.getMetadata().catch(() => null);
  const info = meta?.info as { Title?: unknown } | undefined;
  return typeof info?.Title === "string" ? info.Title.trim() || undefined : undefined;
}
