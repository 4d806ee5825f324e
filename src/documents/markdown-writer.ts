// Writes Markdown block by block, as the elements of a page begin and end.

type Block = { text: string; kind: "block" | "item" | "row"; isMain: boolean };
/** `next`: the number of the next item, null without numbers; `width`: of the marker of the item that is open. */
type List = { next: number | null; width: number };

export class MarkdownWriter {
  /** Of the first heading of level 1. */
  firstHeading: string | undefined;
  private readonly blocks: Block[] = [];
  private readonly lists: List[] = [];
  private line = "";
  private level = 0;
  private isCode = false;
  private mains = 0;
  /** What the next block of an item begins with. */
  private marker = "";
  /** The cells of the row so far, null outside of one. */
  private row: string[] | null = null;
  private rows = 0;

  write(text: string): void {
    this.line += this.isCode ? text : text.replace(/\s+/g, " ");
  }

  breakLine(): void {
    this.line += this.row ? " " : "\n";
  }

  beginHeading(level: number): void {
    this.level = this.row || this.isCode ? 0 : level;
  }

  beginCode(): void {
    this.isCode = this.row === null;
  }

  endCode(): void {
    if (!this.isCode) return;
    this.isCode = false;
    this.pushText(fenced(this.line));
    this.line = "";
  }

  beginMain(): void {
    this.mains++;
  }

  endMain(): void {
    this.mains--;
  }

  /** `first`: the number of its first item, null for a list without numbers. */
  beginList(first: number | null): void {
    this.lists.push({ next: Number.isInteger(first) ? first : null, width: 0 });
  }

  endList(): void {
    this.lists.pop();
  }

  beginItem(): void {
    this.endBlock();
    const list = this.lists.at(-1);
    this.marker = typeof list?.next === "number" ? `${list.next++}. ` : "- ";
    if (list) list.width = this.marker.length;
  }

  /** A table within a cell is written behind what is in the cell. */
  beginRow(): void {
    this.endRow();
    this.row = [];
  }

  beginCell(): void {
    this.endCell();
    this.row?.push("");
  }

  endRow(): void {
    this.endCell();
    const cells = this.row ?? [];
    this.row = null;
    if (cells.every((cell) => cell === "")) return;
    this.push(`| ${cells.join(" | ")} |`, "row");
    if (this.rows++ === 0) this.push(`|${" --- |".repeat(cells.length)}`, "row");
  }

  endTable(): void {
    this.rows = 0;
  }

  /** Within a cell a border of blocks is a space: a row of Markdown is one line. */
  endBlock(): void {
    if (this.row) this.line += " ";
    else if (this.isCode) this.line += this.line.endsWith("\n") ? "" : "\n";
    else {
      this.pushText(tidy(this.line));
      this.line = "";
      this.level = 0;
    }
  }

  /** The page's main part where it says which that is, else all of it. */
  end(): string {
    this.endBlock();
    const main = this.blocks.filter((block) => block.isMain);
    const blocks = main.length > 0 ? main : this.blocks;
    return blocks.map((block, i) => separator(blocks[i - 1], block) + block.text).join("");
  }

  private endCell(): void {
    const cells = this.row;
    if (!cells) {
      this.endBlock();
      return;
    }
    const text = tidy(this.line).replaceAll("|", "\\|");
    this.line = "";
    if (cells.length > 0) cells[cells.length - 1] = text;
    else if (text !== "") cells.push(text);
  }

  private pushText(text: string): void {
    const { level } = this;
    if (text === "") return;
    if (level === 1) this.firstHeading ??= text.replaceAll("\n", " ");
    if (level > 0) this.push(`${"#".repeat(level)} ${text.replaceAll("\n", " ")}`, "block");
    else if (this.lists.length > 0) this.pushItem(text);
    else this.push(text, "block");
  }

  private pushItem(text: string): void {
    const indent = "  ".repeat(this.lists.length - 1);
    const first = this.marker || " ".repeat(this.lists.at(-1)?.width ?? 0);
    const under = `\n${indent}${" ".repeat(first.length)}`;
    this.push(indent + first + text.replaceAll("\n", under), "item");
    this.marker = "";
  }

  private push(text: string, kind: Block["kind"]): void {
    this.blocks.push({ text, kind, isMain: this.mains > 0 });
  }
}

function separator(before: Block | undefined, block: Block): string {
  if (!before) return "";
  return before.kind === block.kind && block.kind !== "block" ? "\n" : "\n\n";
}

function tidy(line: string): string {
  return line
    .replace(/ *\n */g, "\n")
    .replace(/ {2,}/g, " ")
    .trim();
}

function fenced(code: string): string {
  const text = code.replace(/^\r?\n/, "").trimEnd();
  if (text === "") return "";
  const longest = Math.max(2, ...(text.match(/`{3,}/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
}
