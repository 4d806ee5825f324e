// `errand retry`: ended jobs run again.

import { act, FIELDS, FILTER, MANY } from "./acting.ts";
import { type Command, type Said, WrongUsage } from "./command.ts";

const MORE_FIELDS = [...FIELDS, "fingerprint"];

export const retry: Command = {
  name: "retry",
  usage: ["<job id>…", "--filter state=failed,task=generate [--rate <jobs a second>]"],
  summary: "Run ended jobs again; a completed one is submitted anew.",
  notes: [
    `A filter knows ${MORE_FIELDS.join(", ")}; without a state it is failed ones. It is followed to its end.`,
  ],
  options: {
    filter: FILTER,
    rate: {
      type: "string",
      value: "<n>",
      says: "With --filter: so many jobs a second. Default: all at once.",
    },
  },
  words: MANY,
  run: (call) =>
    act(call, {
      fields: MORE_FIELDS,
      done: "jobs started over",
      async one(id, { connect, signal }) {
        const job = await connect().jobs.retry(id, { signal });
        const says =
          job.rerun_of === id ? `${job.id} ${job.state} (runs ${id} again)` : `${job.id} ${job.state}`;
        return { shown: job, says };
      },
      all: (filter, { connect, said, signal }) =>
        connect().jobs.retryAll(filter, { rate: readRate(said), signal }),
    }),
};

function readRate(said: Said): number | undefined {
  const text = said.text("rate");
  if (text === undefined) return undefined;
  const rate = Number(text);
  if (rate > 0) return rate;
  throw new WrongUsage(`--rate cannot be "${text}".`, "Give a number of jobs a second, such as 5.");
}
