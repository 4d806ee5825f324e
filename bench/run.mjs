// npm run bench: runs the benches named on the command line, or all of them, one after the other.
//
//   npm run bench                          all, one run each
//   npm run bench -- drain --runs=3        one of them; three runs, the table shows medians and ranges
//   npm run bench -- live fanout           not among all: first tokens, and news for a thousand sockets
//   npm run bench -- batch --kills=3       nor this one: 50,000 items, some ten minutes
//   npm run bench -- soak --minutes=20     nor this one: takes as long as it is told
//
// Each bench is a script of its own with its method as its first comment, prints a table, and appends what it
// measured to results/NAME.jsonl. How to read the figures: docs/benchmarks.md.
import path from "node:path";
import { ensureInstalled, ROOT } from "../scripts/install.mjs";
import { main, startGroup } from "../scripts/processes.mjs";
import { Problem } from "../scripts/terminal.mjs";

const BENCHES = ["submit", "overhead", "drain", "rows"];
const ON_DEMAND = ["live", "fanout", "gate", "batch", "soak"];

async function bench() {
  const options = process.argv.slice(2).filter((arg) => arg.startsWith("--"));
  const names = process.argv.slice(2).filter((arg) => !arg.startsWith("--"));
  const known = [...BENCHES, ...ON_DEMAND];
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Problem(`No bench "${unknown[0]}". There are: ${known.join(", ")}.`);
  const env = await ensureInstalled();
  for (const name of names.length > 0 ? names : BENCHES) {
    const script = path.join(ROOT, "bench", `${name}.mjs`);
    const child = startGroup("node", [script, ...options], { cwd: ROOT, env, stdio: "inherit" });
    const { code } = await child.ended;
    if (code !== 0) throw new Problem(`The bench ${name} failed.`, code);
  }
}

main(bench);
