// Runs a command that must not outlive its starter: when stdin closes, the whole process group ends.
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";

// The starter holds the other end of stdin. The kernel closes it even when the starter was killed with -9, which
// is the one case that no signal handler of the starter could tidy up after.
const [tempDir, command, ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"] });
const cleanUp = () => rmSync(tempDir, { recursive: true, force: true });

function end() {
  child.kill("SIGTERM");
  setTimeout(() => {
    cleanUp();
    process.kill(-process.pid, "SIGKILL");
  }, 1500);
}

process.stdin.resume();
process.stdin.on("end", end);
process.stdin.on("error", end);
// A signal to the group reaches the command too; stay until it has ended and pass on how.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});
child.on("error", (error) => {
  console.error(error.message);
  process.exit(127);
});
child.on("close", (code) => {
  cleanUp();
  process.exit(code ?? 1);
});
