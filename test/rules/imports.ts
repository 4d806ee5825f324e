// Who may import whom: reads import lines and finds broken directions, cycles and forbidden reach.

import type { SourceFile } from "./source-files";

export type Import = { from: string; to: string; typeOnly: boolean };

const WIRING = ["core", "env", "deps", "log"];

/** What each part may import besides itself and the wiring. `type:` allows types only. */
const ALLOWED: Record<string, string[]> = {
  core: [],
  contract: [],
  llm: [],
  documents: [],
  net: [],
  // What a batch is asked for is its route's request too.
  tasks: ["llm", "contract", "documents", "type:net"],
  store: [],
  engine: ["store", "tasks", "net", "type:llm", "type:durable"],
  durable: ["engine", "store", "contract", "run-deps"],
  http: ["engine", "store", "contract", "tasks", "type:durable"],
  api: ["http"],
  consumer: ["engine", "run-deps"],
  worker: ["api", "consumer", "durable"],
  // The wiring itself: the catalogue of models is part of the settings, the objects' types of the bindings.
  env: ["llm", "type:durable"],
  deps: ["store", "type:durable"],
  "run-deps": ["type:engine", "llm"],
  log: [],
  // A package of its own: whoever installs it has nothing of the Worker, not even its types.
  client: [],
};
const PURE = ["core", "contract", "client"];

const STATEMENT = /^\s*(?:import|export)\s+(type\s+)?(?:[^"';]*?\bfrom\s+)?["']([^"']+)["']/gm;
const DYNAMIC = /\bimport\(\s*["']([^"']+)["']\s*\)/g;

/** Relative imports become paths of files; packages keep their name. */
function resolve(from: string, to: string, paths: Set<string>): string {
  if (!to.startsWith(".")) return to;
  const parts = from.split("/").slice(0, -1);
  for (const part of to.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  const base = parts.join("/");
  return [base, `${base}.ts`, `${base}/index.ts`].find((path) => paths.has(path)) ?? base;
}

export function readImports(files: SourceFile[]): Import[] {
  const paths = new Set(files.map((file) => file.path));
  return files.flatMap(({ path: from, text }) => [
    ...[...text.matchAll(STATEMENT)].map((match) => ({
      from,
      to: resolve(from, match[2] ?? "", paths),
      typeOnly: match[1] !== undefined,
    })),
    ...[...text.matchAll(DYNAMIC)].map((match) => ({
      from,
      to: resolve(from, match[1] ?? "", paths),
      typeOnly: false,
    })),
  ]);
}

/** src/http/app.ts -> http; src/api.ts -> api; client/src/jobs.ts -> client; a package -> undefined. */
function partOf(path: string): string | undefined {
  return /^(?:src\/|(?=client\/))([\w-]+)/.exec(path)?.[1];
}

function isAllowed(from: string, to: string, typeOnly: boolean): boolean {
  if (from === to) return true;
  if (PURE.includes(from)) return from === "contract" && to === "core";
  if (WIRING.includes(to)) return true;
  const list = ALLOWED[from] ?? [];
  return list.includes(to) || (typeOnly && list.includes(`type:${to}`));
}

export function findWrongDirections(imports: Import[]): string[] {
  return imports.flatMap(({ from, to, typeOnly }) => {
    const [a, b] = [partOf(from), partOf(to)];
    if (!a) return [];
    if (!(a in ALLOWED)) return [`${from}: no rule says what src/${a} may import`];
    if (b) return isAllowed(a, b, typeOnly) ? [] : [`${from} imports ${to}: ${a} must not know ${b}`];
    // core keeps to itself altogether; what others take from npm or package.json is not a matter of direction.
    return a === "core" ? [`${from} imports ${to}: core imports nothing`] : [];
  });
}

function importsOf(path: string, imports: Import[]): string[] {
  return imports.filter((line) => line.from === path && !line.typeOnly).map((line) => line.to);
}

/** Everything that runs because `entry` runs. */
export function closureOf(entry: string, imports: Import[]): Set<string> {
  const found = new Set([entry]);
  for (const path of found) for (const next of importsOf(path, imports)) found.add(next);
  return found;
}

export function findReach(entry: string, forbidden: RegExp, imports: Import[]): string[] {
  return [...closureOf(entry, imports)]
    .filter((path) => forbidden.test(path))
    .map((path) => `${entry} reaches ${path}`);
}

/** What must be installed for these imports. */
export function findPackages(imports: Import[]): string[] {
  return [...new Set(imports.map(({ to }) => to).filter((to) => partOf(to) === undefined))].sort();
}

/** Each cycle once, as "a -> b -> a". Type-only imports leave nothing at run time, so they make no cycle. */
export function findCycles(imports: Import[]): string[] {
  const cycles: string[] = [];
  const finished = new Set<string>();
  const visit = (path: string, trail: string[]): void => {
    if (trail.includes(path)) {
      cycles.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
      return;
    }
    if (finished.has(path)) return;
    for (const next of importsOf(path, imports)) visit(next, [...trail, path]);
    finished.add(path);
  };
  for (const { from } of imports) visit(from, []);
  return cycles;
}
