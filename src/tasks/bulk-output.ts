// What a bulk_generate gives: its rows with their texts, as JSON Lines or CSV, in the order of the input.

import { csvLine } from "../core/csv-line";
import { outputLine } from "./batch-lines";
import type { BulkGenerateInput } from "./bulk-generate-input";
import { allRows, type Row, rowFormat } from "./bulk-rows";
import type { EndedChild, Files } from "./define";

export async function bulkOutputFile(
  files: Files,
  input: BulkGenerateInput,
): Promise<"output.csv" | "output.jsonl"> {
  return `output.${input.output ?? (await rowFormat(files, input))}`;
}

/** `children`: those that have completed, in their order. `columns`: of all rows. */
export async function* bulkLines(
  files: Files,
  input: BulkGenerateInput,
  columns: string[],
  children: AsyncIterable<EndedChild>,
): AsyncGenerator<string, void, undefined> {
  const isCsv = (await bulkOutputFile(files, input)) === "output.csv";
  if (isCsv) yield csvLine([...columns, freeName(columns)]);
  for await (const { child, values } of withRows(files, input, children)) {
    if (!isCsv) yield outputLine(child, values);
    else
      yield csvLine([
        ...columns.map((name) => (Object.hasOwn(values, name) ? values[name] : null)),
        JSON.parse(child.output ?? "{}").text,
      ]);
  }
}

/** What is not in the database is read again from the file: it is the child's number that says which row is its. */
async function* withRows(files: Files, input: BulkGenerateInput, children: AsyncIterable<EndedChild>) {
  const rows = allRows(files, input);
  let at = -1;
  for await (const child of children) {
    let row: Row | undefined;
    for (; at < child.index; at += 1) row = (await rows.next()).value ?? undefined;
    yield { child, values: row?.problem === null ? row.values : {} };
  }
}

/** Of the column for the texts: one that the rows do not have. */
function freeName(columns: string[]): string {
  let name = "output";
  for (let i = 2; columns.includes(name); i++) name = `output_${i}`;
  return name;
}
