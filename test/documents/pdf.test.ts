import { describe, expect, it } from "vitest";
import { readDocument } from "../../src/documents/read-document";
import { makePdf } from "../support/pdf";

const read = (bytes: Uint8Array, type = "application/pdf", name = "a.pdf") => readDocument(bytes, type, name);
const unreadable = (message: string) =>
  expect.objectContaining({
    code: "document_unreadable",
    retryable: false,
    message: expect.stringContaining(message),
  });

const PAGES = [
  ["Annual report (2026)", "The harbour was quiet when the last boat came in."],
  ["Geschäftsführung, café, 100 €".replace("€", "\x80"), "Two columns   of  space."],
  ["The\x02 end."],
];

describe("a PDF", () => {
  it("is read page by page, with the place of each page in the text", async () => {
    const { text, kind, title, pages = [] } = await read(await makePdf(PAGES, { title: "Report" }));
    expect([kind, title]).toEqual(["pdf", "Report"]);
    expect(pages.map(({ page }) => page)).toEqual([1, 2, 3]);
    expect(pages.map(({ start, end }) => text.slice(start, end))).toEqual([
      "Annual report (2026)\nThe harbour was quiet when the last boat came in.",
      "Geschäftsführung, café, 100 €\nTwo columns of space.",
      "The end.",
    ]);
    expect(text.split("\n\n")).toHaveLength(3);
  });

  it("has an empty place for a page without text", async () => {
    const { text, pages, title } = await read(await makePdf([["One."], [], ["Three."]]));
    expect(text).toBe("One.\n\nThree.");
    expect(pages).toEqual([
      { page: 1, start: 0, end: 4 },
      { page: 2, start: 4, end: 4 },
      { page: 3, start: 6, end: 12 },
    ]);
    expect(title).toBeUndefined();
  });

  it("is known by its first bytes, whatever it is called", async () => {
    const bytes = await makePdf([["Tea."]]);
    for (const [type, name] of [
      ["application/octet-stream", ""],
      ["text/plain", "a.txt"],
      ["", ""],
    ] as const) {
      expect(await read(bytes, type, name)).toMatchObject({ kind: "pdf", text: "Tea." });
    }
  });

  it("is left to its caller as it was", async () => {
    const bytes = await makePdf([["Tea."]]);
    const copy = bytes.slice();
    await read(bytes);
    expect(bytes).toEqual(copy);
  });

  it("is refused with what was met: a password, scans without text, damage, no PDF at all", async () => {
    const whole = await makePdf(PAGES);
    const locked = await makePdf(PAGES, { isEncrypted: true });
    await expect(read(locked)).rejects.toEqual(unreadable("password"));
    await expect(read(await makePdf([[], []]))).rejects.toEqual(unreadable("no text"));
    await expect(read(whole.slice(0, 200))).rejects.toEqual(unreadable("damaged"));
    await expect(read(new TextEncoder().encode("Not a PDF."))).rejects.toEqual(unreadable("damaged"));
    await expect(read(new Uint8Array(0))).rejects.toEqual(unreadable("damaged"));
  });
});
