// Before every test file of the Workers project: a migrated database, and a log that is shown for failing tests only.

import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach } from "vitest";

const KEPT_LINES = 1_000;

// The test runner would fetch each line from whoever wrote it, and wait for ever for one from an invocation that has ended.
const show = console.log;
const lines: string[] = [];
for (const level of ["debug", "log", "info", "warn", "error"] as const) {
  console[level] = (...words: unknown[]) => {
    lines.push(words.map(String).join(" "));
    if (lines.length > KEPT_LINES) lines.shift();
  };
}

beforeEach(({ onTestFailed }) => {
  lines.length = 0;
  onTestFailed(() => show(lines.join("\n")));
});

await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
