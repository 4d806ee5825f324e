// What a batch has done, as JSON Lines: its file once it has written one, and until then its items as they stand.

import type { WholeJob } from "../core/job";
import type { Deps } from "../deps";
import { readChildren } from "../engine/read-children";
import { openStream } from "../store/object-range";
import { jobFileKey } from "../store/objects";
import { ERRORS_FILE, OUTPUT_FILE } from "../tasks/batch";
import { errorLine, outputLine } from "../tasks/batch-lines";
import type { EndedChild } from "../tasks/define";

export async function batchOutput(deps: Deps, job: WholeJob, which: "output" | "errors"): Promise<Response> {
  const body = job.state === "completed" ? await written(deps, job, which) : standing(deps, job, which);
  return new Response(body, { headers: { "content-type": "application/jsonl" } });
}

function written(deps: Deps, job: WholeJob, which: "output" | "errors"): Promise<ReadableStream> {
  return openStream(deps, job, jobFileKey(job, which === "output" ? OUTPUT_FILE : ERRORS_FILE));
}

function standing(deps: Deps, job: WholeJob, which: "output" | "errors"): ReadableStream {
  const { ended } = readChildren(deps, job);
  return which === "output"
    ? toStream(ended(["completed"]), outputLine)
    : toStream(ended(["failed", "cancelled"]), errorLine);
}

/** What is sent at once: a piece for each line would cost more than the line. */
const PIECE_CHARS = 64_000;

/** Read as it is wanted: a slow reader holds nothing but a page of items. */
function toStream(items: AsyncIterable<EndedChild>, toLine: (item: EndedChild) => string): ReadableStream {
  const encoder = new TextEncoder();
  const iterator = items[Symbol.asyncIterator]();
  return new ReadableStream(
    {
      async pull(controller) {
        let piece = "";
        while (piece.length < PIECE_CHARS) {
          const { value, done } = await iterator.next();
          if (done) break;
          piece += toLine(value);
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
