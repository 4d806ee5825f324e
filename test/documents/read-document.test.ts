import { describe, expect, it } from "vitest";
import { splitText } from "../../src/core/text/split";
import { readDocument } from "../../src/documents/read-document";
import { MARKDOWN_PAGE, WEB_PAGE, WEB_PAGE_TEXT } from "../support/pages";

const utf8 = (text: string) => new TextEncoder().encode(text);
const hex = (digits: string) => Uint8Array.fromHex(digits.replaceAll(" ", ""));
const read = async (bytes: Uint8Array, type = "text/plain", name = "") =>
  await readDocument(bytes, type, name);
const unreadable = (message: string) =>
  expect.objectContaining({
    code: "document_unreadable",
    retryable: false,
    message: expect.stringContaining(message),
  });

describe("a text", () => {
  it.each([
    ["UTF-8", "74 c3 a9 e2 82 ac", "text/plain", "té€"],
    ["UTF-8 with a mark, which is left out", "ef bb bf 74 c3 a9", "text/plain", "té"],
    ["UTF-16 by its mark", "ff fe 74 00 e9 00", "text/plain", "té"],
    ["UTF-16, big end first, by its mark", "fe ff 00 74 00 e9", "text/plain", "té"],
    ["a mark rather than the sender's word", "ef bb bf c3 a9", "text/plain; charset=iso-8859-1", "é"],
    ["the sender's charset", "74 e9", "text/plain; charset=ISO-8859-1", "té"],
    ["a quoted charset", "82 a0", 'text/plain; format=flowed; charset="shift_jis"', "あ"],
    ["Cyrillic of old", "d2 e5 ea f1 f2", "text/plain;charset=windows-1251", "Текст"],
    ["Chinese of old", "ce c4 b1 be", "text/plain; charset=gbk", "文本"],
    ["what is not UTF-8, as windows-1252", "74 e9 20 80", "text/plain", "té €"],
    ["bytes that are none of the charset, as they can be shown", "74 ff", "text/plain; charset=utf-8", "t�"],
  ])("is read as %s", async (_, bytes, type, expected) => {
    expect(await read(hex(bytes), type)).toEqual({ text: expected, kind: "text" });
  });

  it("is what a page says of itself when its sender does not", async () => {
    const page = '<meta http-equiv="content-type" content="text/html; charset=windows-1251"><p>';
    const bytes = new Uint8Array([...utf8(page), 0xd2, 0xe5, 0xea, 0xf1, 0xf2]);
    expect((await read(bytes, "text/html")).text).toBe("Текст");
    expect((await read(utf8('<meta charset="utf-8"><p>té'), "text/html")).text).toBe("té");
  });

  it.each([
    [utf8("abc"), "text/plain; charset=klingon", 'charset "klingon" is unknown'],
    [hex("61 00 62 00"), "text/plain", "NUL"],
    [hex("89 50 4e 47 0d 0a 1a 0a 00 00"), "", "NUL"],
    [hex("89 50 4e 47"), "image/png", "type image/png are not read. Send text, Markdown, HTML or PDF"],
    [utf8("PK"), "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "not read"],
    [utf8(" \n"), "text/plain", "no text"],
    [utf8(""), "text/markdown", "no text"],
    [utf8("<script>x</script>"), "text/html", "no text"],
    [new Uint8Array(10_000_001).fill(0x61), "text/plain", "larger than 10 MB"],
  ])("is refused with what was expected (%#)", async (bytes, type, message) => {
    await expect(read(bytes, type)).rejects.toEqual(unreadable(message));
  });
});

describe("Markdown", () => {
  it("is kept as it is, and its title is its first heading, not a comment in its code", async () => {
    const page = await read(utf8(MARKDOWN_PAGE), "text/markdown");
    expect(page).toEqual({ text: MARKDOWN_PAGE, kind: "markdown" });
    const titled = await read(utf8("Intro\n\n# Tea, in short #\n\n# Two"), "text/markdown");
    expect(titled.title).toBe("Tea, in short");
  });
});

describe("the kind of a document", () => {
  it.each([
    ["text/markdown; charset=utf-8", "", "x", "markdown"],
    ["text/plain", "docs/README.md", "x", "markdown"],
    ["application/octet-stream", "a.MARKDOWN", "x", "markdown"],
    ["text/html", "a.txt", "<p>x", "html"],
    ["application/xhtml+xml", "", "<p>x", "html"],
    ["", "page.htm", "<p>x", "html"],
    ["", "", "\n<!DOCTYPE html><p>x", "html"],
    ["", "", "<HTML><p>x", "html"],
    ["TEXT/PLAIN", "page.html", "<p>x", "text"],
    ["text/csv", "a.csv", "a;b", "text"],
    ["application/json", "", "{}", "text"],
    ["application/rss+xml", "", "<a/>", "text"],
    ["", "notes", "x", "text"],
  ])("of type %j and name %j is told: %#", async (type, name, content, kind) => {
    expect((await read(utf8(content), type, name)).kind).toBe(kind);
  });
});

describe("a web page", () => {
  it("is read, and split at its headings without parting its code", async () => {
    const { text, kind, title } = await read(utf8(WEB_PAGE), "text/html", "tea.html");
    expect([text, kind, title]).toEqual([WEB_PAGE_TEXT, "html", "Green tea & you — The Tea Journal"]);
    const pieces = splitText(text, { maxTokens: 60, overlapTokens: 0 });
    expect(pieces.map((piece) => piece.text).join("")).toBe(text);
    expect(pieces.some((piece) => piece.text.includes("```\nconst tea"))).toBe(true);
    expect(pieces.some((piece) => piece.text.startsWith("## What you need"))).toBe(true);
  });
});
