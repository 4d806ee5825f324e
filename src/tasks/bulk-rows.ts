// The rows of a bulk_generate: those that came with it, and the records of its file.

import { CsvReader, type CsvRecord } from "../core/csv-reader";
import { AppError } from "../core/errors";
import { LIMITS } from "../core/limits";
import { type Line, type LinePlace, LinesReader } from "../core/lines-reader";
import { SLICE_ITEMS } from "./batch-items";
import type { BulkGenerateInput } from "./bulk-generate-input";
import type { Files } from "./define";
import { formatOf, parseJson, unreadable } from "./file-format";
import { readSlice, START_OF_FILE } from "./read-slice";

export type Values = Record<string, unknown>;

/** `place`: where it comes from, for the words of an error. */
export type Row = { place: string } & ({ problem: null; values: Values } | { problem: string });

/**
 * Where the next rows begin, and the columns of those before: the header of a CSV file, or the names of all fields so far.
 * `next` null: there are no more.
 */
export type RowPlace = { next: LinePlace | null; columns: string[] };

export const FIRST_ROW: RowPlace = { next: START_OF_FILE, columns: [] };

export type RowSlice = RowPlace & { rows: Row[] };

const FORMATS = ["csv", "jsonl"] as const;

const MAX_COLUMNS = 1_000;
const MAX_NAME_CHARS = 64_000;

export async function rowFormat(
  files: Files,
  { file_id, format }: BulkGenerateInput,
): Promise<"csv" | "jsonl"> {
  return file_id === undefined ? "jsonl" : (format ?? formatOf(files, file_id, FORMATS));
}

/** The rows from this place on, as many as are stored at once. Throws `input_invalid` for a header that cannot be used. */
export async function readRows(
  files: Files,
  input: BulkGenerateInput,
  { next, columns }: RowPlace,
): Promise<RowSlice> {
  if (next === null) return { rows: [], next, columns };
  const { file_id, rows = [] } = input;
  if (file_id !== undefined && (await rowFormat(files, input)) === "csv")
    return readCsv(files, file_id, next, columns);
  const slice =
    file_id === undefined
      ? { rows: rows.map((values, i): Row => ({ place: `rows[${i}]`, problem: null, values })), next: null }
      : await readJsonLines(files, file_id, next);
  // Only a table has to know them before its first row.
  return { ...slice, columns: input.output === "csv" ? columnsOf(slice.rows, columns) : [] };
}

/** All of them, from the first one on. */
export async function* allRows(files: Files, input: BulkGenerateInput): AsyncGenerator<Row, void, undefined> {
  for (let place: RowPlace = FIRST_ROW; place.next !== null; ) {
    const slice = await readRows(files, input, place);
    yield* slice.rows;
    place = slice;
  }
}

async function readJsonLines(files: Files, fileId: string, from: LinePlace) {
  const reader = new LinesReader(LIMITS.inputBytes, from);
  const { records, next } = await readSlice(files, fileId, from, { reader, most: SLICE_ITEMS });
  return { rows: records.map(rowOfLine), next };
}

async function readCsv(files: Files, fileId: string, from: LinePlace, columns: string[]): Promise<RowSlice> {
  const reader = new CsvReader(LIMITS.inputBytes, from);
  const { records, next } = await readSlice(files, fileId, from, { reader, most: SLICE_ITEMS });
  const header = columns.length > 0 ? columns : headerOf(records.shift());
  return { rows: records.map((record) => rowOfRecord(record, header)), next, columns: header };
}

function headerOf(record: CsvRecord | undefined): string[] {
  if (!record) throw headerProblem("it is empty");
  if (record.problem !== null) throw headerProblem(unreadable(record.problem, LIMITS.inputBytes));
  const names = record.fields.map((name) => name.trim());
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw headerProblem(`the column "${twice}" is there twice`);
  return checkedColumns(names);
}

function headerProblem(problem: string): AppError {
  return new AppError("input_invalid", { message: `The header of the CSV file cannot be used: ${problem}.` });
}

function checkedColumns(names: string[]): string[] {
  if (names.length <= MAX_COLUMNS && names.join("").length <= MAX_NAME_CHARS) return names;
  const message = `The rows have more than ${MAX_COLUMNS} columns, or their names more than ${MAX_NAME_CHARS} characters. Keep those that the template uses.`;
  throw new AppError("input_invalid", { message });
}

function rowOfRecord(record: CsvRecord, columns: string[]): Row {
  const place = `line ${record.line}`;
  if (record.problem !== null) return { place, problem: unreadable(record.problem, LIMITS.inputBytes) };
  const { fields } = record;
  if (fields.length !== columns.length) {
    const problem = `expected ${columns.length} fields, as the header has, but there are ${fields.length}`;
    return { place, problem };
  }
  return { place, problem: null, values: Object.fromEntries(columns.map((name, i) => [name, fields[i]])) };
}

function rowOfLine(line: Line): Row {
  const place = `line ${line.line}`;
  if (line.problem !== null) return { place, problem: unreadable(line.problem, LIMITS.inputBytes) };
  const json = parseJson(line.text);
  const isObject = typeof json === "object" && json !== null && !Array.isArray(json);
  return isObject
    ? { place, problem: null, values: json as Values }
    : { place, problem: "expected a JSON object, whose fields are the variables" };
}

/** Those before, and what is new in these rows. */
function columnsOf(rows: Row[], before: string[]): string[] {
  const names = new Set(before);
  for (const row of rows)
    if (row.problem === null) for (const name of Object.keys(row.values)) names.add(name);
  return checkedColumns([...names]);
}
