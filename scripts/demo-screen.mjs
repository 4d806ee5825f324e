// What the demo shows: lines that stay, and on a terminal a few live lines below them that are drawn anew.
import { bold, dim, plain } from "./terminal.mjs";

const MARGIN = "   ";
const LABEL_WIDTH = 12;

export const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

/** Cuts to so many visible characters; a line that the terminal wraps could not be drawn over. */
function fit(line, width) {
  return plain(line).length <= width ? line : `${plain(line).slice(0, width - 1)}…`;
}

export function createScreen(out = process.stdout) {
  const isLive = Boolean(out.isTTY) && process.env.TERM !== "dumb";
  const width = Math.max(40, Math.min(out.columns || 80, 80)) - 1;
  let sections = 0;
  let live = [];

  const erase = () => (live.length > 0 ? `\r\u001b[${live.length}A\u001b[J` : "");
  const draw = () => live.map((line) => `${line}\n`).join("");
  const print = (line = "") => {
    const before = isLive ? erase() : "";
    out.write(`${before}${line}\n${isLive ? draw() : ""}`);
  };
  return {
    isLive,
    textWidth: width + 1 - MARGIN.length,
    print: (line) => print(line ? MARGIN + line : ""),
    title(name, words) {
      print();
      print(`${bold(name)}  ${dim(words)}`);
    },
    heading(text) {
      sections += 1;
      print();
      print(bold(`${sections}  ${text}`));
    },
    row: (label, text) => print(`${MARGIN}${label}${" ".repeat(padding(label))} ${text}`),
    /** Replaces the live lines. Without a terminal there are none. */
    setLive(lines) {
      if (!isLive) return;
      const before = erase();
      live = lines.map((line) => fit(MARGIN + line, width));
      out.write(before + draw());
    },
  };
}

const padding = (label) => Math.max(1, LABEL_WIDTH - plain(label).length);

export function bar(done, total, width) {
  const full = Math.round((done / total) * width);
  return `${"█".repeat(full)}${dim("░".repeat(width - full))}`;
}
