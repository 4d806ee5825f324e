// What a batch has done, line by line: its file once it has written one, and until then its items as they stand.

import { AppError } from "../core/errors";
import type { WholeJob } from "../core/job";
import { fileTypeOf } from "../core/job-file";
import type { Deps } from "../deps";
import { readFiles } from "../engine/job-files";
import { loadInput } from "../engine/load-input";
import { readChildren } from "../engine/read-children";
import { findJobFile } from "../store/job-files";
import { openStream } from "../store/object-range";
import { batch, OUTPUT_FILE } from "../tasks/batch";
import { errorLine, linesOf, outputLine } from "../tasks/batch-lines";
import { ERRORS_FILE } from "../tasks/batch-turn";
import { bulkState } from "../tasks/bulk-generate";
import { bulkGenerateInput } from "../tasks/bulk-generate-input";
import { bulkLines, bulkOutputFile } from "../tasks/bulk-output";
import { FIRST_ROW } from "../tasks/bulk-rows";

/** A file, and how to make it of what is there. */
type Lines = { name: string; lines(): AsyncIterable<string> };

export async function batchOutput(deps: Deps, job: WholeJob, which: "output" | "errors"): Promise<Response> {
  const { name, lines } = which === "output" ? await outputOf(deps, job) : errorsOf(deps, job);
  const body = job.state === "completed" ? await written(deps, job, name) : toStream(lines());
  return new Response(body, { headers: { "content-type": fileTypeOf(name) } });
}

async function written(deps: Deps, job: WholeJob, name: string): Promise<ReadableStream> {
  const file = await findJobFile(deps, job, name);
  if (!file) throw new AppError("object_missing", { cause: `no file ${name} of ${job.id}` });
  return openStream(deps, job, file.key);
}

function errorsOf(deps: Deps, job: WholeJob): Lines {
  const lost = readChildren(deps, job).ended(["failed", "cancelled"]);
  return { name: ERRORS_FILE, lines: () => linesOf(lost, errorLine) };
}

async function outputOf(deps: Deps, job: WholeJob): Promise<Lines> {
  const completed = readChildren(deps, job).ended(["completed"]);
  if (job.task === batch.name) return { name: OUTPUT_FILE, lines: () => linesOf(completed, outputLine) };
  const input = bulkGenerateInput.parse(JSON.parse(await loadInput(deps, job)));
  const files = readFiles(deps, job.projectId);
  const state =
    job.turnState === null ? FIRST_ROW : JSON.parse(await deps.vault.openText(job, job.turnState));
  const { columns } = bulkState.parse(state);
  return {
    name: await bulkOutputFile(files, input),
    lines: () => bulkLines(files, input, columns, completed),
  };
}

/** What is sent at once: a piece for each line would cost more than the line. */
const PIECE_CHARS = 64_000;

/** Read as it is wanted: a slow reader holds nothing but a page of items. */
function toStream(lines: AsyncIterable<string>): ReadableStream {
  const encoder = new TextEncoder();
  const iterator = lines[Symbol.asyncIterator]();
  return new ReadableStream(
    {
      async pull(controller) {
        let piece = "";
        while (piece.length < PIECE_CHARS) {
          const { value, done } = await iterator.next();
          if (done) break;
          piece += value;
        }
        if (piece === "") controller.close();
        else controller.enqueue(encoder.encode(piece));
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
