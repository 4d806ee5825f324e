// Which format an uploaded file has, and what is wrong with a line of it.

import { AppError } from "../core/errors";
import type { Files } from "./define";

export type FileFormat = "jsonl" | "csv" | "text";

const ENDINGS: Record<FileFormat, string[]> = {
  jsonl: [".jsonl", ".ndjson"],
  csv: [".csv"],
  text: [".txt"],
};

const TYPES: Record<FileFormat, string[]> = {
  jsonl: ["application/jsonl", "application/jsonlines", "application/x-ndjson"],
  csv: ["text/csv"],
  text: ["text/plain"],
};

/** By its name, or else its content type: of an upload by curl it is mostly that of a form. Throws `input_invalid`. */
export async function formatOf<F extends FileFormat>(
  files: Files,
  fileId: string,
  known: readonly F[],
): Promise<F> {
  const { name, contentType } = await files.describe(fileId);
  const type = contentType.split(";")[0]?.trim().toLowerCase() ?? "";
  const found =
    known.find((format) => ENDINGS[format].some((ending) => name.toLowerCase().endsWith(ending))) ??
    known.find((format) => TYPES[format].includes(type));
  if (found) return found;
  const message = `input.format: neither the name "${name}" nor the type "${type}" of the file says what it is. Expected one of: ${known.join(", ")}.`;
  throw new AppError("input_invalid", { message });
}

type Problem = "too_long" | "invalid_utf8" | "open_quote";

export function unreadable(problem: Problem, maxBytes: number): string {
  if (problem === "invalid_utf8") return "not UTF-8";
  return problem === "too_long" ? `longer than ${maxBytes} bytes` : "a quote is not closed";
}

/** Undefined: it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
