// Task `bulk_generate`: a template over the rows of a table, each a `generate` job of its own.

import { z } from "zod";
import { cellText } from "../core/csv-line";
import { LIMITS } from "../core/limits";
import { fillTemplate, variablesOf } from "../core/template";
import { brokenChild, type Made } from "./batch-items";
import { batchOutput, checkCount, finish, storeItems } from "./batch-turn";
import { type BulkGenerateInput, bulkGenerateInput } from "./bulk-generate-input";
import { bulkLines, bulkOutputFile } from "./bulk-output";
import { FIRST_ROW, type Row, readRows } from "./bulk-rows";
import { defineTask } from "./define";

/** What a turn leaves for the next: where the next rows begin, null once all are there, and their columns so far. */
export const bulkState = z.object({
  next: z.object({ offset: z.int(), line: z.int() }).nullable(),
  columns: z.array(z.string()),
});

export const bulkGenerate = defineTask<BulkGenerateInput, z.infer<typeof batchOutput>>({
  name: "bulk_generate",
  description: "A template over up to 50,000 rows: inline, or of a CSV or JSON Lines file.",
  kind: null,
  childKind: "chat",
  input: bulkGenerateInput,
  output: batchOutput,
  lane: "bulk",
  writesFiles: () => true,
  size: () => ({ chars: 0, maxOutputTokens: null }),
  defaults: { max_attempts: 5, timeout_s: LIMITS.timeoutS },

  async run(input, ctx) {
    const place = bulkState.parse(ctx.state ?? FIRST_ROW);
    if (place.next === null) {
      const completed = ctx.children.ended(["completed"]);
      const lines = bulkLines(ctx.files, input, place.columns, completed);
      return finish(ctx, await bulkOutputFile(ctx.files, input), lines);
    }
    return storeItems(ctx, input.on_item_failure, async () => {
      const { rows, ...state } = await readRows(ctx.files, input, place);
      checkCount(ctx.children.total + rows.length);
      return { children: rows.map(toChild(input)), state };
    });
  },
});

function toChild(input: BulkGenerateInput): (row: Row) => Made {
  const { template, messages, rows, file_id, format, on_item_failure, output, ...settings } = input;
  const ask = template === undefined ? { messages } : { prompt: template };
  const names = variablesOf(ask);
  return (row) => {
    const { place } = row;
    if (row.problem !== null) return brokenChild("generate", place, row.problem);
    const { values } = row;
    const missing = names.find((name) => !Object.hasOwn(values, name));
    if (missing !== undefined) return brokenChild("generate", place, noColumn(missing, Object.keys(values)));
    const filled = fillTemplate(ask, (name) => cellText(values[name]));
    return { task: "generate", input: { ...settings, ...filled }, place };
  };
}

/** Of a wide table. */
const NAMES_SHOWN = 30;

function noColumn(name: string, columns: string[]): string {
  const more = columns.length > NAMES_SHOWN ? `, and ${columns.length - NAMES_SHOWN} more` : "";
  return `there is no "${name}" for the template. There are: ${columns.slice(0, NAMES_SHOWN).join(", ")}${more}.`;
}
