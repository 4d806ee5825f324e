// Fenced blocks of code in Markdown: where they are, and how a translation gets them back as they were.

export type Block = { start: number; end: number };

const OPENING = /^[ \t]*(`{3,}|~{3,})([^\n]*)$/;

/** From the mark that opens it to the end of the line that closes it; one that is never closed goes to the end. */
export function findCodeBlocks(text: string): Block[] {
  const blocks: Block[] = [];
  let open: { mark: string; start: number } | null = null;
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf("\n", at);
    const end = newline === -1 ? text.length : newline;
    const line = text.slice(at, end).replace(/\r$/, "");
    const [, mark = "", rest = ""] = OPENING.exec(line) ?? [];
    if (open === null) {
      if (mark !== "" && !(mark.startsWith("`") && rest.includes("`"))) open = { mark, start: at };
    } else if (mark.startsWith(open.mark) && rest.trim() === "") {
      blocks.push({ start: open.start, end });
      open = null;
    }
    at = end + 1;
  }
  if (open) blocks.push({ start: open.start, end: text.length });
  return blocks;
}

/** A translation with the code of its source. With more or fewer blocks than that nobody knows which is which: it stays. */
export function restoreCode(source: string, translated: string): string {
  const originals = findCodeBlocks(source);
  const blocks = findCodeBlocks(translated);
  if (originals.length !== blocks.length) return translated;
  let text = "";
  let at = 0;
  for (const [i, { start, end }] of blocks.entries()) {
    const { start: from = 0, end: to = 0 } = originals[i] ?? {};
    text += translated.slice(at, start) + source.slice(from, to);
    at = end;
  }
  return text + translated.slice(at);
}
