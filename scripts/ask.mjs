// Asks the person at the terminal; what is secret is not shown while it is typed.
import readline from "node:readline";
import { Writable } from "node:stream";

/** Resolves with the answer, without the space around it. */
export function ask(question, { hidden = false } = {}) {
  process.stdout.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = readline.createInterface({
    input: process.stdin,
    output: hidden ? silent : process.stdout,
    terminal: Boolean(process.stdin.isTTY),
  });
  return new Promise((resolve) => {
    // In raw mode Ctrl-C is a character; make it the signal again.
    reader.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
    reader.on("close", () => resolve("")); // end of input
    reader.once("line", (line) => {
      if (hidden) process.stdout.write("\n");
      resolve(line.trim());
      reader.close();
    });
  });
}
