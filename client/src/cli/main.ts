#!/usr/bin/env node
// The program `errand`: the streams, files and signals of the process, and nothing else.

import { readFile } from "node:fs/promises";
import process from "node:process";
import { EXIT } from "./command.ts";
import { run } from "./program.ts";
import type { Sink } from "./screen.ts";

const { argv, env, stdin, stdout, stderr } = process;
const SHOW_CURSOR = "\u001b[?25h";

function sinkOf(stream: typeof stdout): Sink {
  const isTty = stream.isTTY === true;
  const said = Number(env.COLUMNS);
  const known = Number.isInteger(said) && said > 0 ? said : Number.POSITIVE_INFINITY;
  return {
    write: (text) => void stream.write(text),
    isTty,
    columns: () => (isTty && stream.columns ? stream.columns : known),
    rows: () => stream.rows || 24,
    hasColours: isTty && !env.NO_COLOR && env.TERM !== "dumb",
  };
}

async function readInput(): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stdin) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}

const stopping = new AbortController();

/** Once: the command ends by itself and tidies up. Twice: it is not waited for. */
function stop(): void {
  if (stopping.signal.aborted) {
    if (stdout.isTTY) stdout.write(SHOW_CURSOR);
    process.exit(EXIT.interrupted);
  }
  stopping.abort(new Error("stopped"));
}

process.on("SIGINT", stop);
process.on("SIGTERM", stop);
// Whoever has read enough (`errand watch | head -1`) hangs up.
stdout.on("error", ({ code }) => process.exit(code === "EPIPE" ? EXIT.fine : EXIT.failed));

const code = await run(argv.slice(2), {
  env,
  out: sinkOf(stdout),
  err: sinkOf(stderr),
  readFile: (path) => readFile(path, "utf8"),
  readInput,
  readVersion: async () =>
    JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8")).version,
  signal: stopping.signal,
});
// All that was printed first, but not the connections that are kept open for a next request.
stdout.write("", () => process.exit(code));
