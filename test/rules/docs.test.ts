// The manual keeps up with the code: every error and move it lists is the one in force.

/// <reference types="vite/types/importMeta.d.ts" />

import { describe, expect, test } from "vitest";
import { EXIT } from "../../client/src/cli/command";
import { COMMANDS } from "../../client/src/cli/commands";
import { ERRORS } from "../../src/core/errors";
import { MOVES } from "../../src/core/lifecycle";
import { NEWEST_MIGRATION } from "../../src/store/schema";

const docs = import.meta.glob<string>("/docs/*.md", { query: "?raw", import: "default", eager: true });
const migrations = Object.keys(import.meta.glob("/migrations/*.sql", { query: "?raw" }));
const read = (path: string) => docs[`/${path}`] ?? "";

describe("docs/errors.md", () => {
  test("lists every code with its status, retry rule and words, and no other", () => {
    const rows = read("docs/errors.md").match(/^\| `.*$/gm) ?? [];
    const expected = Object.entries(ERRORS).map(
      ([code, error]) =>
        `| \`${code}\` | ${error.status} | ${error.retryable ? "yes" : "no"} | ${error.message} |`,
    );
    expect(rows.toSorted()).toEqual(expected.toSorted());
  });
});

describe("docs/lifecycle.md", () => {
  test("lists every move with the state it leads to, and submit", () => {
    const rows = [...read("docs/lifecycle.md").matchAll(/^\| (\w+) \| ([^|]+) \| (\w+)/gm)];
    const moves = rows.map(([, move, , to]) => [move, to]).filter(([move]) => move !== "move");
    const expected = Object.entries(MOVES).map(([move, { to }]) => [move, to]);
    expect(moves.toSorted()).toEqual([["submit", "pending"], ...expected].toSorted());
  });
});

describe("docs/cli.md", () => {
  test("has each command in its table, and each exit code", () => {
    const rows = [...read("docs/cli.md").matchAll(/^\| (?:`(\w+)|(\d+) \|)/gm)].map(
      ([, name, code]) => name ?? code,
    );
    const commands = COMMANDS.map(({ name }) => name);
    expect(new Set(rows)).toEqual(new Set([...commands, ...Object.values(EXIT).map(String)]));
  });
});

describe("NEWEST_MIGRATION", () => {
  test("is the last file in migrations/", () => {
    expect(migrations.toSorted().at(-1)).toBe(`/migrations/${NEWEST_MIGRATION}`);
  });
});
