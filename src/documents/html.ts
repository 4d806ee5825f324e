// A web page as Markdown: its main text, with headings, lists, tables and code, and nothing that is not shown.

import { Parser } from "htmlparser2";
import { MarkdownWriter } from "./markdown-writer";

/** What is no text, or no text of this page. */
const SKIPPED = new Set(
  "audio button canvas datalist dialog embed iframe math nav noscript object script select style svg template textarea video".split(
    " ",
  ),
);
const BLOCKS = new Set(
  "address article aside blockquote body caption dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr html legend main menu ol p pre section summary table tbody tfoot thead ul".split(
    " ",
  ),
);

type Attributes = Record<string, string>;

export function readHtml(html: string): { text: string; title?: string } {
  const reader = new HtmlReader();
  const parser = new Parser(
    {
      onopentag: (name, attributes) => reader.open(name, attributes),
      ontext: (text) => reader.text(text),
      onclosetag: (name) => reader.close(name),
    },
    { decodeEntities: true, lowerCaseTags: true },
  );
  parser.end(html);
  return reader.end();
}

class HtmlReader {
  private readonly writer = new MarkdownWriter();
  private title = "";
  private isTitle = false;
  /** Elements that are open from the first one on that is not shown. */
  private hidden = 0;

  open(name: string, attributes: Attributes): void {
    // A title in a drawing is not the page's.
    if (name === "title") this.isTitle = this.title === "" && this.hidden === 0;
    if (this.hidden > 0 || isHidden(name, attributes)) this.hidden++;
    else this.begin(name, attributes);
  }

  text(text: string): void {
    if (this.isTitle) this.title += text;
    else if (this.hidden === 0) this.writer.write(text);
  }

  close(name: string): void {
    if (name === "title") this.isTitle = false;
    if (this.hidden > 0) this.hidden--;
    else this.finish(name);
  }

  end(): { text: string; title?: string } {
    const text = this.writer.end();
    const title = this.title.replace(/\s+/g, " ").trim() || this.writer.firstHeading;
    return title ? { text, title } : { text };
  }

  private begin(name: string, attributes: Attributes): void {
    const { writer } = this;
    if (BLOCKS.has(name)) writer.endBlock();
    if (/^h[1-6]$/.test(name)) writer.beginHeading(Number(name[1]));
    else if (name === "main") writer.beginMain();
    else if (name === "pre") writer.beginCode();
    else if (name === "ul" || name === "menu") writer.beginList(null);
    else if (name === "ol") writer.beginList(Number(attributes.start ?? 1));
    else if (name === "li") writer.beginItem();
    else if (name === "tr") writer.beginRow();
    else if (name === "td" || name === "th") writer.beginCell();
    else if (name === "br") writer.breakLine();
  }

  private finish(name: string): void {
    const { writer } = this;
    if (name === "pre") writer.endCode();
    if (BLOCKS.has(name) || name === "li") writer.endBlock();
    if (name === "main") writer.endMain();
    else if (name === "ul" || name === "ol" || name === "menu") writer.endList();
    else if (name === "tr") writer.endRow();
    else if (name === "table") writer.endTable();
  }
}

function isHidden(name: string, { hidden, style, ...attributes }: Attributes): boolean {
  return (
    SKIPPED.has(name) ||
    hidden !== undefined ||
    attributes["aria-hidden"] === "true" ||
    /display\s*:\s*none|visibility\s*:\s*hidden/i.test(style ?? "")
  );
}
