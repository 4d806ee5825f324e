// Writes a record of a CSV file (RFC 4180).

/**
 * Cells are written as they are, also those that a spreadsheet would take for a formula (`=`, `+`, `-`, `@`): a program that
 * reads the file must get what was in it, and `-5` is a number.
 */
export function csvLine(cells: unknown[]): string {
  return `${cells.map((cell) => quoted(cellText(cell))).join(",")}\r\n`;
}

/** As it stands in a cell or a prompt: JSON, unless it is text. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
