// Import directions of docs/architecture.md, checked on the import lines themselves.

import { describe, expect, it } from "vitest";
import { closureOf, findCycles, findPackages, findReach, findWrongDirections, readImports } from "./imports";
import { clientFiles, clientManifest, sourceFiles } from "./source-files";

const imports = readImports([...sourceFiles, ...clientFiles]);

/** Import lines of made-up files. */
const of = (files: Record<string, string>) =>
  readImports(Object.entries(files).map(([path, text]) => ({ path, text })));

describe("the source", () => {
  it("is read: the entries are there and import something", () => {
    expect(closureOf("src/worker.ts", imports).size).toBeGreaterThan(20);
  });

  it("imports in the agreed directions only", () => {
    expect(findWrongDirections(imports)).toEqual([]);
  });

  it("has no import cycles", () => {
    expect(findCycles(imports)).toEqual([]);
  });

  it("keeps provider keys out of everything that the API imports", () => {
    expect(findReach("src/api.ts", /^src\/llm\/provider-client\.ts$|^openai(\/|$)/, imports)).toEqual([]);
    expect(closureOf("src/consumer.ts", imports)).toContain("src/llm/provider-client.ts");
  });

  it("keeps the two roles apart", () => {
    expect(findReach("src/consumer.ts", /^src\/(http\/|api\.ts)/, imports)).toEqual([]);
    expect(findReach("src/api.ts", /^src\/(consumer|worker)\.ts/, imports)).toEqual([]);
  });
});

describe("the bundle", () => {
  it("has no tables of a tokenizer, which are a megabyte", () => {
    expect(findReach("src/worker.ts", /tokenizer|tiktoken/, imports)).toEqual([]);
  });

  it("begins to read PDFs only when one comes: what reads them is imported by nothing but a call", () => {
    const readers = sourceFiles.filter(({ text }) => /["']unpdf["']/.test(text));
    expect(readers.map(({ path }) => path)).toEqual(["src/documents/pdf.ts"]);
    expect(readers.map(({ text }) => /^import [^;]*["']unpdf["']/m.test(text))).toEqual([false]);
  });
});

describe("the client", () => {
  const own = imports.filter(({ from }) => from.startsWith("client/"));

  it("is read: its entry is there and imports something", () => {
    expect(closureOf("client/src/index.ts", own).size).toBeGreaterThan(10);
  });

  it("imports only itself and what its package.json lists", () => {
    type Manifest = Record<"dependencies" | "peerDependencies", Record<string, string>>;
    const { dependencies, peerDependencies } = JSON.parse(clientManifest) as Manifest;
    const packages = findPackages(own).filter((name) => !name.startsWith("node:"));
    expect(packages).toEqual(Object.keys({ ...dependencies, ...peerDependencies }).sort());
  });

  it("needs React for its hooks only", () => {
    expect(findReach("client/src/index.ts", /^react/, own)).toEqual([]);
    expect(closureOf("client/src/react/index.ts", own)).toContain("react");
  });

  it("has of the AI SDK the types only, for its chat transport only", () => {
    const taking = own.filter(({ to }) => to === "ai");
    expect(taking.length).toBeGreaterThan(0);
    expect(taking.filter(({ from, typeOnly }) => !typeOnly || !from.startsWith("client/src/ai/"))).toEqual(
      [],
    );
    expect(findReach("client/src/index.ts", /^client\/src\/ai\//, own)).toEqual([]);
  });

  it("runs without Node.js and without its command line, which alone needs both", () => {
    const isNode = ({ to }: { to: string }) => to.startsWith("node:");
    const knowing = own.filter(isNode).map(({ from }) => from);
    expect(knowing.length).toBeGreaterThan(0);
    expect(knowing.filter((path) => !path.startsWith("client/src/cli/"))).toEqual([]);
    expect(findReach("client/src/index.ts", /^node:|^client\/src\/cli\//, own)).toEqual([]);
  });
});

describe("a direction", () => {
  it.each([
    ["src/core/a.ts", 'import { z } from "zod";'],
    ["src/core/a.ts", 'import type { Env } from "../env";'],
    ["src/core/a.ts", 'import { b } from "../log";'],
    ["src/contract/a.ts", 'import { b } from "../engine/b";'],
    ["src/tasks/a.ts", 'import { b } from "../store/b";'],
    ["src/tasks/a.ts", 'import type { B } from "../engine/b";'],
    ["src/llm/a.ts", 'import { b } from "../tasks/b";'],
    ["src/store/a.ts", 'export * from "../engine/b";'],
    ["src/engine/a.ts", 'import {\n  b,\n} from "../http/b";'],
    ["src/engine/a.ts", 'import { b } from "../llm/b";'],
    ["src/durable/a.ts", 'const b = await import("../http/b");'],
    ["src/api.ts", 'import { b } from "./engine/b";'],
    ["src/consumer.ts", 'import { b } from "./http/b";'],
    ["client/src/a.ts", 'import { b } from "../../src/core/b";'],
    ["client/src/a.ts", 'import type { B } from "../../src/contract/b";'],
    ["src/http/a.ts", 'import { b } from "../../client/src/b";'],
    ["src/gadgets/a.ts", 'import { b } from "../core/b";'],
  ])("is broken by %s with %s", (path, text) => {
    expect(findWrongDirections(of({ [path]: text }))).toHaveLength(1);
  });

  it("is kept by an import of what stands below, and of types where only types are allowed", () => {
    const files = {
      "src/http/a.ts": 'import { b } from "../engine/b";\nimport type { H } from "../durable/h";',
      "src/engine/b.ts": 'import { c } from "../store/c";\nimport type { L } from "../llm/l";',
      "src/contract/c.ts": 'import { z } from "zod";\nimport { d } from "../core/d";',
    };
    expect(findWrongDirections(of(files))).toEqual([]);
  });
});

describe("a cycle", () => {
  const b = 'import { a } from "./a";';

  it("is found over several files", () => {
    const files = {
      "src/core/a.ts": 'import { c } from "./c";',
      "src/core/b.ts": b,
      "src/core/c.ts": 'import { b } from "./b";',
    };
    expect(findCycles(of(files))).toEqual([
      "src/core/a.ts -> src/core/c.ts -> src/core/b.ts -> src/core/a.ts",
    ]);
  });

  it("is not made by a type-only import", () => {
    expect(findCycles(of({ "src/core/a.ts": 'import type { B } from "./b";', "src/core/b.ts": b }))).toEqual(
      [],
    );
  });
});

describe("reach", () => {
  const files = {
    "src/api.ts": 'import { b } from "./http/b";',
    "src/http/b.ts": 'import { c } from "../llm";',
    "src/llm/index.ts": 'import OpenAI from "openai";',
  };

  it("goes through any number of files, index files too", () => {
    expect(findReach("src/api.ts", /^openai$/, of(files))).toEqual(["src/api.ts reaches openai"]);
  });

  it("does not go through types", () => {
    const typed = { ...files, "src/http/b.ts": 'import type { c } from "../llm";' };
    expect(findReach("src/api.ts", /^openai$/, of(typed))).toEqual([]);
  });
});
