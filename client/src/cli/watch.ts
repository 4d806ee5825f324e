// `errand watch`: jobs as they change, until all have ended or somebody leaves.

import type { Errand } from "../errand.ts";
import { isFinal } from "../wire.ts";
import type { Frame } from "../wire-frames.ts";
import { type Command, EXIT, type Invocation, WrongUsage } from "./command.ts";
import { JobBoard, type Watched } from "./job-board.ts";
import { openView } from "./job-view.ts";
import { type Hear, hearChannel, hearJobs, look } from "./news.ts";

/** Each has a connection of its own. */
const MOST_JOBS = 50;

export const watch: Command = {
  name: "watch",
  usage: ["<job id>…", "--channel <name>", ""],
  summary: "Show jobs as they change: those named, those of a channel, or the newest of the project.",
  notes: [
    "In a terminal a table that is kept up to date, else a line for each change. It ends by itself when the jobs that " +
      "were named have all ended (exit code 1 if one has not completed), else with Ctrl-C.",
  ],
  options: { channel: { type: "string", value: "<name>", says: "All jobs of this channel." } },
  words: { least: 0, most: MOST_JOBS },
  run,
};

async function run(call: Invocation): Promise<number> {
  const { words, said, screen, signal } = call;
  const ids = [...new Set(words)];
  const channel = said.text("channel");
  if (ids.length > 0 && channel !== undefined)
    throw new WrongUsage("There are both jobs and a channel to watch.", "Give one of them.");
  const errand = call.connect();
  const board = new JobBoard();
  const view = openView(screen, board);
  const over = new AbortController();
  const leave = () => over.abort();
  signal.addEventListener("abort", leave);
  const hear = (frame: Frame) => {
    // What had ended before is no news of a channel.
    const isNews = ids.length > 0 || frame.type !== "snapshot" || view.hasBegun;
    const changed = board.take(frame);
    view.show(isNews ? changed : changed.filter(({ state }) => !isFinal(state)));
    if (ids.length > 0 && ids.every((id) => isOver(board.get(id)))) leave();
  };
  try {
    await listen(errand, ids, channel, hear, over.signal);
  } finally {
    signal.removeEventListener("abort", leave);
    view.close();
  }
  if (signal.aborted) return EXIT.interrupted;
  return ids.every((id) => board.get(id)?.state === "completed") ? EXIT.fine : EXIT.failed;
}

function listen(errand: Errand, ids: string[], channel: string | undefined, hear: Hear, signal: AbortSignal) {
  if (ids.length > 0) return hearJobs(errand, ids, hear, signal);
  return channel === undefined ? look(errand, hear, signal) : hearChannel(errand, channel, hear, signal);
}

function isOver(job: Watched | undefined): boolean {
  return job !== undefined && isFinal(job.state);
}
