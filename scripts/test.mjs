// npm test: installs when needed, runs every test, and ends with the line "N passed, N failed". With --faults (npm run
// test:faults): only the tests of faults, and of them everything rather than a sample.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { ensureBrowser } from "./browser.mjs";
import { ensureInstalled, ROOT } from "./install.mjs";
import { main, startGroup } from "./processes.mjs";
import { say } from "./terminal.mjs";

const QUIET = { WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" };

// What `npm run test:faults` runs, and how much of it.
const FAULT_TESTS = ["test/faults", "test/e2e/crash", "test/e2e/poison"];
const FAULT_ROUNDS = "20";

/** Counts from vitest's JSON report; undefined: there is no report, vitest itself broke. */
function readCounts(file) {
  try {
    const report = JSON.parse(readFileSync(file, "utf8"));
    // A file that does not load has no tests to report, yet it is a failure.
    const unloaded = report.testResults.filter(
      (suite) => suite.status === "failed" && suite.assertionResults.length === 0,
    );
    return { passed: report.numPassedTests, failed: report.numFailedTests + unloaded.length };
  } catch {
    return undefined;
  }
}

async function test() {
  const installed = await ensureInstalled();
  const [first, ...others] = process.argv.slice(2);
  const isFull = first === "--faults";
  if (!isFull) await ensureBrowser(installed);
  const env = { ...installed, ...QUIET, ...(isFull ? { FAULT_ROUNDS } : {}) };
  const chosen = isFull ? [...FAULT_TESTS, ...others] : process.argv.slice(2);
  const tempDir = mkdtempSync(path.join(os.tmpdir(), "errand-test-"));
  process.once("exit", () => rmSync(tempDir, { recursive: true, force: true }));
  const report = path.join(tempDir, "report.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const vitest = startGroup("vitest", ["run", ...reporters, ...chosen], {
    cwd: ROOT,
    env: { ...env, ...(process.stdout.isTTY ? {} : { NO_COLOR: "1" }) },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const { code } = await vitest.ended;
  const counts = readCounts(report) ?? { passed: 0, failed: 0 };
  // Errors outside the tests (an unhandled rejection, a crash) show in the exit code only.
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  say(`${counts.passed} passed, ${counts.failed} failed`);
  process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0;
}

main(test);
