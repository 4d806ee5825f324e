// The README's map of the project names only what exists.

import { describe, expect, it } from "vitest";
import { findMissing, readMap } from "./readme-map";
import { allPaths, readme } from "./source-files";

const EXAMPLE = `# Errand

## Where things live

Some words.

\`\`\`text
wrangler.toml      the resources
src/
  api.ts           the API
  core/            the rules
    lifecycle.ts   the moves
  store/           SQL
scripts/dev.mjs    local dev
\`\`\`

## Next

\`\`\`
not/this.ts
\`\`\`
`;

describe("the README's map", () => {
  it("names only what exists", () => {
    expect(findMissing(readme, allPaths)).toEqual([]);
    // A heading without a readable map would pass unseen.
    expect(readMap(readme).length > 0).toBe(readme.includes("Where things live"));
  });

  it("is read as a tree", () => {
    const expected = [
      "wrangler.toml",
      "src/",
      "src/api.ts",
      "src/core/",
      "src/core/lifecycle.ts",
      "src/store/",
    ];
    expect(readMap(EXAMPLE)).toEqual([...expected, "scripts/dev.mjs"]);
    expect(readMap("no map")).toEqual([]);
  });

  it("may be drawn with lines", () => {
    expect(readMap("## Where things live\n```\nsrc/\n├── core/\n│   └── job.ts\n└── api.ts\n```\n")).toEqual([
      "src/",
      "src/core/",
      "src/core/job.ts",
      "src/api.ts",
    ]);
  });

  it("is told apart from the truth", () => {
    const paths = ["wrangler.toml", "src/api.ts", "src/core/job.ts", "scripts/dev.mjs"];
    expect(findMissing(EXAMPLE, paths)).toEqual(["src/core/lifecycle.ts", "src/store/"]);
  });
});
