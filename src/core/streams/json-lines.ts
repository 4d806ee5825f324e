// Messages of a JSON stream: one line each where they are kept, an array on the wire. What they say is never parsed and
// written anew, so that numbers keep their digits.

/**
 * The messages of a body: the elements of an array, or the one value. None for an empty array. Throws SyntaxError for what
 * is not JSON.
 */
export function toMessages(body: string): string[] {
  const value: unknown = JSON.parse(body);
  const texts = Array.isArray(value) ? elementsOf(body.trim().slice(1, -1)) : [body];
  // A line break can stand between the parts of a value only: within a string it would be escaped.
  return texts.map((text) => text.trim().replace(/[\r\n]+/g, " "));
}

export function toLines(messages: string[]): string {
  return messages.map((message) => `${message}\n`).join("");
}

/** Whole lines, as an array. */
export function toArray(lines: string): string {
  return `[${lines.trimEnd().replaceAll("\n", ",")}]`;
}

/** The parts between the commas of the outermost level. */
function elementsOf(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '"') i = endOfString(text, i);
    else if (char === "[" || char === "{") depth++;
    else if (char === "]" || char === "}") depth--;
    else if (char === "," && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  const last = text.slice(start);
  return last.trim() === "" ? parts : [...parts, last];
}

function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length && text[i] !== '"') i += text[i] === "\\" ? 2 : 1;
  return i;
}
