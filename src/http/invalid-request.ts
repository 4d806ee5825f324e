// From zod's issues to the error envelope: each problem with the path of its field and what was expected.

import { AppError, type ErrorItem } from "../core/errors";

type Issue = { path: PropertyKey[]; message: string };

/** `target` is where zod looked: json, query, param or header. */
export function invalidRequest(issues: Issue[], target: string): AppError {
  const errors = issues.map((issue) => toItem(issue, target));
  const first = errors[0];
  const message = first ? [first.param, first.message].filter(Boolean).join(": ") : undefined;
  return new AppError("invalid_request", { message, param: first?.param, errors });
}

function toItem(issue: Issue, target: string): ErrorItem {
  const param = issue.path.reduce<string>(appendPart, "") || (target === "json" ? "body" : target);
  const [list, index] = issue.path;
  const message = issue.message.replace(/^Invalid input: /, "");
  return list === "jobs" && typeof index === "number" ? { index, param, message } : { param, message };
}

function appendPart(path: string, part: PropertyKey): string {
  if (typeof part === "number") return `${path}[${part}]`;
  return path === "" ? String(part) : `${path}.${String(part)}`;
}
