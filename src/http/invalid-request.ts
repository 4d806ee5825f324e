// From zod's issues to the error envelope: each problem with the path of its field and what was expected.

import { AppError, type ErrorItem } from "../core/errors";
import { fieldProblem, type Issue } from "../core/field-problems";

/** `target` is where zod looked: json, query, param or header. */
export function invalidRequest(issues: Issue[], target: string): AppError {
  const errors = issues.map((issue) => toItem(issue, target));
  const first = errors[0];
  const message = first ? [first.param, first.message].filter(Boolean).join(": ") : undefined;
  return new AppError("invalid_request", { message, param: first?.param, errors });
}

function toItem(issue: Issue, target: string): ErrorItem {
  const { param, message } = fieldProblem(issue);
  const place = { param: param || (target === "json" ? "body" : target), message };
  const [list, index] = issue.path;
  return list === "jobs" && typeof index === "number" ? { index, ...place } : place;
}
