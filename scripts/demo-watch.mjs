// Follows the demo's jobs over WebSockets and draws how they stand: the post as it is written, a line for each job.
import { createPost } from "./demo-post.mjs";
import { bar, seconds } from "./demo-screen.mjs";
import { dim, green, Problem, red } from "./terminal.mjs";

const LIMIT_MS = 180_000;
const BAR_WIDTH = 40;
/** Without a terminal, the bar is one line each so many jobs. */
const PLAIN_STEP = 10;

const isEnd = (event) => /^job\.(completed|failed|cancelled)$/.test(event?.type ?? "");

/** Words about one job, from the newest event of it. */
function describe(event, entry) {
  switch (event?.type) {
    case "job.started":
      return event.attempt > 1 ? `attempt ${event.attempt} runs` : "runs";
    case "job.retrying":
      return `attempt ${event.attempt} failed (${event.error.code}): will try again`;
    case "job.completed": {
      const after = dim(`after ${seconds(entry.endedAt - entry.addedAt)}`);
      return `completed${event.attempt > 1 ? ` at attempt ${event.attempt}` : ""} ${after}`;
    }
    case "job.failed":
      return red(`failed: ${event.error.code}`);
    case "job.cancelled":
      return red("cancelled");
    default:
      return "in the queue";
  }
}

/** What is known of the jobs: the newest event of each, and the lines that they have on the screen. */
function createBoard() {
  const events = new Map();
  const entries = [];
  const endedOf = (entry) => entry.ids.filter((id) => isEnd(events.get(id))).length;
  const isDone = (entry) => endedOf(entry) === entry.ids.length;
  const mark = (entry) => {
    if (entry.ids.some((id) => /failed|cancelled/.test(events.get(id)?.type ?? ""))) return red("✗");
    return isDone(entry) ? green("✓") : "·";
  };
  const state = (entry) => {
    const total = entry.ids.length;
    if (total === 1) return describe(events.get(entry.ids[0]), entry);
    return `${bar(endedOf(entry), total, BAR_WIDTH)} ${endedOf(entry)}/${total}`;
  };
  const stamp = (entry) => {
    if (isDone(entry)) entry.endedAt ??= performance.now();
  };
  return {
    entries,
    endedOf,
    isDone,
    line: (entry) => `${mark(entry)} ${entry.job.label.padEnd(12)}${state(entry)}`,
    add(job, ids) {
      entries.push({ job, ids, addedAt: performance.now() });
      stamp(entries.at(-1)); // its events may have been here before the answer to the submit
    },
    /** The line that an event is about; undefined for old news, which a version tells. */
    take(event) {
      if ((events.get(event.job_id)?.version ?? -1) >= event.version) return undefined;
      events.set(event.job_id, event);
      const entry = entries.find(({ ids }) => ids.includes(event.job_id));
      if (entry) stamp(entry);
      return entry;
    },
  };
}

/** Without a terminal: a line for each thing that happens to a job, for a bulk one each few jobs. */
function printPlain(screen, board, entry) {
  const ended = board.endedOf(entry);
  const isStep = ended % PLAIN_STEP === 0 && ended > (entry.printed ?? -1);
  if (entry.ids.length > 1 && !isStep) return;
  entry.printed = ended;
  screen.print(board.line(entry));
}

export function createWatch(screen) {
  const board = createBoard();
  const post = createPost(screen);
  const done = Promise.withResolvers();
  done.promise.catch(() => {}); // it may fail before anybody waits for it
  const begun = Promise.withResolvers();
  const texts = new Map();
  const watch = { isDrawing: false, frames: 0, entries: board.entries, add: board.add, text: post.text };
  const draw = () => {
    if (!watch.isDrawing) return;
    screen.setLive([...post.live(), "", ...board.entries.map(board.line)]);
    if (board.entries.every(board.isDone)) done.resolve();
  };
  const onEvent = async (frame) => {
    watch.frames += 1;
    if (!frame.state) return; // the snapshot, without a job as yet, or progress
    // Text comes over a socket of its own: the end of its job is shown after it, whichever is here first.
    if (isEnd(frame)) await texts.get(frame.job_id);
    const entry = board.take(frame);
    if (entry && watch.isDrawing && !screen.isLive) printPlain(screen, board, entry);
    draw();
  };
  watch.channel = { onLost: done.reject, onFrame: onEvent };
  watch.stream = (id) => {
    const whole = Promise.withResolvers();
    texts.set(id, whole.promise);
    const onFrame = async ({ data, closed }) => {
      watch.frames += 1;
      await begun.promise; // no text among the submits
      for (const message of data) post.take(message);
      if (closed) {
        post.end();
        whole.resolve();
      }
      draw();
    };
    return { onLost: done.reject, onFrame };
  };
  watch.untilDone = async () => {
    watch.isDrawing = true;
    if (!screen.isLive) for (const entry of board.entries) printPlain(screen, board, entry);
    draw();
    begun.resolve();
    await withinLimit(done.promise, board);
    watch.isDrawing = false;
    finish(screen, board);
  };
  return watch;
}

/** Rejects with the names of the jobs that were not done in time. */
function withinLimit(done, board) {
  const { promise: late, reject } = Promise.withResolvers();
  const timer = setTimeout(() => {
    const open = board.entries.filter((entry) => !board.isDone(entry)).map(({ job }) => job.label);
    reject(new Problem(`Not done after ${LIMIT_MS / 1000} s: ${open.join(", ")}.`));
  }, LIMIT_MS);
  return Promise.race([done, late]).finally(() => clearTimeout(timer));
}

/** What was live stays as it ended. */
function finish(screen, board) {
  screen.setLive([]);
  if (!screen.isLive) return;
  screen.print();
  for (const entry of board.entries) screen.print(board.line(entry));
}
