// Rules about a file's text: where SQL may stand, how long a file may be, what a name may not be.

import type { SourceFile } from "./source-files";

type Rule = { says: string; applies: (path: string) => boolean; breaks: (file: SourceFile) => boolean };

const inside = (folder: string) => (path: string) => path.startsWith(`${folder}/`);
const isWorker = inside("src");
const isSource = (path: string) => ["src", "client/src", "examples"].some((folder) => inside(folder)(path));
const isTest = inside("test");
const isScript = (path: string) => path.endsWith(".mjs");

/** The text without comments; `://` of an address is not one. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[^:])\/\/.*$/gm, "$1");
}

/** Neither comments nor what stands in quotes. */
function codeOnly(text: string): string {
  return withoutComments(text).replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g, '""');
}

const hasCode = (pattern: RegExp) => (file: SourceFile) => pattern.test(codeOnly(file.text));
const lineCount = (text: string) => text.replace(/\n$/, "").split("\n").length;

export const RULES: Rule[] = [
  {
    says: "D1 is asked in store/ only",
    applies: (path) => isWorker(path) && !inside("src/store")(path),
    breaks: hasCode(/\.(prepare|batch)\(/),
  },
  {
    says: "R2 is written in store/ only",
    applies: (path) => isWorker(path) && !inside("src/store")(path),
    breaks: hasCode(/(?<!\.storage|\.kv)\.put\(/),
  },
  {
    says: "the bucket is named in store/ and in the wiring only",
    applies: (path) => isWorker(path) && !/^src\/(store\/|env\.ts|deps\.ts)/.test(path),
    breaks: hasCode(/\bBUCKET\b/),
  },
  {
    says: "core is pure: no clock, randomness or network",
    applies: inside("src/core"),
    breaks: hasCode(/\bDate\.now\b|new Date\(\)|\bMath\.random\b|\bfetch\(|\bcrypto\./),
  },
  {
    says: "a source file or script has at most 250 lines",
    applies: (path) => isSource(path) || isScript(path),
    breaks: (file) => lineCount(file.text) > 250,
  },
  {
    says: "a test file has at most 400 lines",
    applies: isTest,
    breaks: (file) => lineCount(file.text) > 400,
  },
  {
    says: "a file begins with a sentence that says what it is for",
    applies: (path) => isSource(path) || isScript(path),
    breaks: (file) => !/^(#!.*\n)?(\/\/ \S.*\n)*\/\/ \S.*[.!?:]\n/.test(file.text),
  },
  {
    says: "nothing is left to do later",
    applies: (path) => isSource(path) || isTest(path) || isScript(path),
    breaks: (file) => /\b(TO[D]O|FIX[M]E)\b/.test(file.text),
  },
  {
    says: "no test is skipped or run alone",
    applies: isTest,
    breaks: hasCode(/\b(it|test|describe|suite)(\.\w+)*\.(skip|only|todo)\b/),
  },
  {
    says: "nothing has the type any",
    applies: (path) => isSource(path) || isTest(path),
    breaks: hasCode(/(:|\bas|<|,|\|)\s*any\b\s*([,;)\]>|=[]|$)/m),
  },
  {
    says: "a name says what is in it",
    applies: (path) => isSource(path) || isTest(path) || isScript(path),
    breaks: (file) => /(^|[/.-])(utils?|helpers?|common|managers?)([/.-]|$)|\/types\.ts$/.test(file.path),
  },
];

export function findBroken(rule: Rule, files: SourceFile[]): string[] {
  return files.filter((file) => rule.applies(file.path) && rule.breaks(file)).map((file) => file.path);
}
