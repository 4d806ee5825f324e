// From zod's issues to words: the path of the field that is wrong, and what was expected there.

import type { ErrorItem } from "./errors";

/** What is used of a zod issue. `errors`: where one of several shapes was expected, what kept each from fitting. */
export type Issue = { path: PropertyKey[]; message: string; errors?: Issue[][] };

/** `root`: the path of what was checked. */
export function fieldProblem(issue: Issue, root: PropertyKey[] = []): ErrorItem {
  const path = [...root, ...issue.path];
  const shapes = issue.errors ?? [];
  // The value got past the type of this shape, so this is the one that was meant.
  const meant = shapes.find(([first]) => first && first.path.length > 0)?.[0];
  if (meant) return fieldProblem(meant, path);
  const messages =
    shapes.length > 0 ? shapes.flatMap(([first]) => (first ? [first.message] : [])) : [issue.message];
  return { param: fieldPath(path), message: words([...new Set(messages)]) };
}

/** `["jobs", 3, "tags"]` -> `jobs[3].tags`. */
function fieldPath(path: PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    return text === "" ? String(part) : `${text}.${String(part)}`;
  }, "");
}

function words(messages: string[]): string {
  return messages
    .map((message, i) => (i < messages.length - 1 ? message.replace(/, received .*$/, "") : message))
    .map((message) =>
      message
        .replace(/^Invalid input: /, "")
        .replace("expected nonoptional", "expected a value")
        // JSON has neither: the field is missing, or is text where a number was expected.
        .replace(/, received undefined$/, ", but it is missing")
        .replace(/, received NaN$/, ""),
    )
    .join(" or ");
}
