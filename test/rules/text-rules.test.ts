// Every rule about a file's text: the project keeps it, and a bad file breaks it.

import { describe, expect, it } from "vitest";
import { allFiles } from "./source-files";
import { findBroken, RULES } from "./text-rules";

const HEAD = "// Says what it is for.\n";
const lines = (count: number) => HEAD + "x;\n".repeat(count - 1);
// Put together, so that this file keeps the rule.
const LATER = ["TO", "DO"].join("");

type Example = { says: string; bad: [path: string, text: string][]; good: [path: string, text: string][] };

const EXAMPLES: Example[] = [
  {
    says: "D1 is asked in store/ only",
    bad: [
      ["src/engine/a.ts", 'db.prepare("SELECT 1")'],
      ["src/http/a.ts", "db.batch([])"],
    ],
    good: [
      ["src/store/a.ts", 'db.prepare("SELECT 1")'],
      ["src/engine/a.ts", "queue.sendBatch([]); // db.batch( is not for us"],
    ],
  },
  {
    says: "R2 is written in store/ only",
    bad: [["src/engine/a.ts", 'bucket.put("k", "v")']],
    good: [["src/durable/a.ts", 'ctx.storage.kv.put("k", 1); this.ctx.storage.put("k", 1)']],
  },
  {
    says: "the bucket is named in store/ and in the wiring only",
    bad: [["src/engine/a.ts", "env.BUCKET.get(key)"]],
    good: [["src/deps.ts", "bucket: env.BUCKET"]],
  },
  {
    says: "core is pure: no clock, randomness or network",
    bad: [
      ["src/core/a.ts", "const now = Date.now();"],
      ["src/core/a.ts", "const now = new Date();"],
      ["src/core/a.ts", "Math.random()"],
      ["src/core/a.ts", 'await fetch("http://a")'],
      ["src/core/a.ts", "crypto.randomUUID()"],
    ],
    good: [
      ["src/core/a.ts", "new Date(now) // not Date.now()"],
      ["src/llm/a.ts", 'fetch("http://a")'],
    ],
  },
  {
    says: "a source file or script has at most 250 lines",
    bad: [
      ["src/core/a.ts", lines(251)],
      ["client/src/a.ts", lines(251)],
      ["examples/a/src/a.tsx", lines(251)],
      ["scripts/a.mjs", lines(251)],
    ],
    good: [["src/core/a.ts", lines(250)]],
  },
  {
    says: "a test file has at most 400 lines",
    bad: [["test/core/a.test.ts", lines(401)]],
    good: [["test/core/a.test.ts", lines(400)]],
  },
  {
    says: "a file begins with a sentence that says what it is for",
    bad: [
      ["src/core/a.ts", "export const a = 1;\n"],
      ["client/src/a.ts", "export const a = 1;\n"],
      ["src/core/a.ts", "\n// Late.\n"],
      ["src/core/a.ts", "// no full stop\nx;\n"],
      ["scripts/a.mjs", "#!/usr/bin/env node\nx;\n"],
    ],
    good: [
      ["src/core/a.ts", `${HEAD}x;\n`],
      ["src/core/a.ts", "// A sentence that goes on\n// over two lines.\nx;\n"],
      ["scripts/a.mjs", `#!/usr/bin/env node\n${HEAD}x;\n`],
    ],
  },
  {
    says: "nothing is left to do later",
    bad: [
      ["src/core/a.ts", `// ${LATER}: this`],
      ["test/core/a.test.ts", `// ${LATER}`],
    ],
    good: [["src/core/a.ts", "// Nothing."]],
  },
  {
    says: "no test is skipped or run alone",
    bad: [
      ["test/core/a.test.ts", `${["it", "only"].join(".")}("a", () => {})`],
      ["test/core/a.test.ts", `${["describe", "skip"].join(".")}("a", () => {})`],
      ["test/core/a.test.ts", `${["it", "concurrent", "todo"].join(".")}("a")`],
    ],
    good: [["test/core/a.test.ts", 'it("is the only one", () => list.skip(1)); it.skipIf(x)("a", f)']],
  },
  {
    says: "nothing has the type any",
    bad: [
      ["src/core/a.ts", "function f(a: any) {}"],
      ["src/core/a.ts", "const a = b as any;"],
      ["src/core/a.ts", "let a: any[] = [];"],
      ["src/core/a.ts", "type A = Record<string, any>;"],
      ["src/core/a.ts", "type A = string | any;"],
    ],
    good: [["src/core/a.ts", 'const a = "one of: any"; // as any\nPromise.any([b]);']],
  },
  {
    says: "a name says what is in it",
    bad: [
      ["src/utils/a.ts", HEAD],
      ["src/core/job-helpers.ts", HEAD],
      ["src/common.ts", HEAD],
      ["src/engine/queue-manager.ts", HEAD],
      ["src/core/types.ts", HEAD],
    ],
    good: [
      ["src/core/uncommon.ts", HEAD],
      ["src/core/job-types.ts", HEAD],
    ],
  },
];

describe.each(RULES)("$says", (rule) => {
  const example = EXAMPLES.find((candidate) => candidate.says === rule.says);

  it("holds everywhere", () => {
    expect(findBroken(rule, allFiles)).toEqual([]);
  });

  it("can be broken", () => {
    for (const [path, text] of example?.bad ?? []) {
      expect(findBroken(rule, [{ path, text }]), `${path}: ${text.slice(0, 80)}`).toEqual([path]);
    }
    expect(example?.bad.length).toBeGreaterThan(0);
  });

  it("lets good files pass", () => {
    for (const [path, text] of example?.good ?? []) {
      expect(findBroken(rule, [{ path, text }]), `${path}: ${text.slice(0, 80)}`).toEqual([]);
    }
  });
});

it("every kind of file is read", () => {
  for (const folder of ["src/", "client/src/", "test/", "scripts/"]) {
    expect(allFiles.filter((file) => file.path.startsWith(folder)).length).toBeGreaterThan(3);
  }
});
