// Finds names in the README's map of the project that do not exist.

const HEADING = "Where things live";

/** The first fenced block under the heading. */
function readTree(readme: string): string[] {
  const section = readme.split(/^#+ +/m).find((part) => part.startsWith(HEADING)) ?? "";
  return (/^```\w*\n([\s\S]*?)^```/m.exec(section)?.[1] ?? "")
    .split("\n")
    .filter((line) => line.trim() !== "");
}

/** Paths named by an indented tree with one name a line, each followed by what it is for. */
export function readMap(readme: string): string[] {
  const parents: { depth: number; path: string }[] = [];
  return readTree(readme).map((line) => {
    const text = line.replace(/[│├└─]/g, " ");
    const depth = text.search(/\S/);
    const name = text.trim().split(/\s+/)[0] ?? "";
    while ((parents.at(-1)?.depth ?? -1) >= depth) parents.pop();
    const path = `${parents.at(-1)?.path ?? ""}${name}`;
    if (name.endsWith("/")) parents.push({ depth, path });
    return path;
  });
}

export function findMissing(readme: string, paths: string[]): string[] {
  return readMap(readme).filter((name) =>
    name.endsWith("/") ? !paths.some((path) => path.startsWith(name)) : !paths.includes(name),
  );
}
