// Child processes in groups of their own, so that ending one ends everything it started.
import { spawn } from "node:child_process";
import os from "node:os";
import { Problem, red } from "./terminal.mjs";

const running = new Set();

// The last resort: an exit by any path takes the groups along.
process.on("exit", () => {
  for (const child of running) signalGroup(child, "SIGKILL");
});

function signalGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
    return true;
  } catch {
    return false; // nobody left in the group
  }
}

/** Starts a command as the leader of a new group. `child.ended` resolves with its exit code, whatever happens. */
export function startGroup(command, args, options = {}) {
  const child = spawn(command, args, { ...options, detached: true });
  if (child.pid !== undefined) running.add(child);
  child.ended = new Promise((resolve) => {
    child.once("error", (error) => {
      running.delete(child);
      resolve({ code: 127, error });
    });
    child.once("close", (code, signal) => {
      signalGroup(child, "SIGKILL"); // what it started and left behind
      running.delete(child);
      resolve({ code: code ?? 128 + (os.constants.signals[signal] ?? 0), signal });
    });
  });
  return child;
}

/** Ends a group: asks first, kills after the grace time. */
export async function stopGroup(child, graceMs = 1500) {
  if (!running.has(child)) return;
  signalGroup(child, "SIGTERM");
  const timer = setTimeout(() => signalGroup(child, "SIGKILL"), graceMs);
  await child.ended;
  clearTimeout(timer);
}

/** Runs a command to its end and keeps what it printed. */
export async function run(command, args, { input, ...options } = {}) {
  const child = startGroup(command, args, { stdio: ["pipe", "pipe", "pipe"], ...options });
  let stdout = "";
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (text) => {
    stdout += text;
    output += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  child.stdin?.on("error", () => {}); // it may end without reading
  child.stdin?.end(input ?? "");
  const { code, error } = await child.ended;
  return { code, stdout, output: error ? String(error.message) : output };
}

let isEnding = false;

async function endAll(exitCode) {
  if (isEnding) return;
  isEnding = true;
  await Promise.all([...running].map((child) => stopGroup(child)));
  process.exit(exitCode);
}

/** npm dies of a signal without passing it on, and its script would live on with nobody to stop it. */
function endWithNpm(exitCode) {
  if (!process.env.npm_lifecycle_event) return;
  const npm = process.ppid;
  setInterval(() => process.ppid !== npm && endAll(exitCode), 200).unref();
}

/**
 * Runs a script's main function; says what went wrong, and lets nothing outlive the process. `signalExitCode` is for
 * a script whose proper end is a signal.
 */
export async function main(work, { signalExitCode } = {}) {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => endAll(signalExitCode ?? 128 + os.constants.signals[signal]));
  }
  endWithNpm(signalExitCode ?? 1);
  try {
    await work();
  } catch (error) {
    if (isEnding) return; // the children ended because they were told to
    process.stderr.write(`${red("error")} ${error instanceof Problem ? error.message : error.stack}\n`);
    process.exit(error.exitCode ?? 1);
  }
}
