// `errand cancel`: open jobs are stopped.

import type { CancelledJob } from "../wire.ts";
import { act, FIELDS, FILTER, MANY } from "./acting.ts";
import type { Command } from "./command.ts";

const WORDS: Record<CancelledJob["cancel"], string> = {
  cancelled: "cancelled",
  cancelling: "is being stopped",
  already_final: "had ended before",
};

export const cancel: Command = {
  name: "cancel",
  usage: ["<job id>…", "--filter task=generate,tag=nightly"],
  summary: "Stop jobs: what waits at once, what runs within about a second.",
  notes: [`A filter knows ${FIELDS.join(", ")}. It is followed to its end.`],
  options: { filter: FILTER },
  words: MANY,
  run: (call) =>
    act(call, {
      fields: FIELDS,
      done: "jobs cancelled",
      async one(id, { connect, signal }) {
        const job = await connect().jobs.cancel(id, { signal });
        return { shown: job, says: `${job.id} ${WORDS[job.cancel]}` };
      },
      all: (filter, { connect, signal }) => connect().jobs.cancelAll(filter, { signal }),
    }),
};
