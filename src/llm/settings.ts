// What is wrong with a setting that is JSON text, in words that name the place.

import type { z } from "zod";

/** Undefined: not JSON. */
export function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** `name`: of the setting. One issue can be several problems. */
export function issueTexts(name: string, issue: z.core.$ZodIssue): string[] {
  const at = pathText(name, issue.path);
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => `${at}.${key}: unknown field`);
  const words = issue.message
    .replace(/^Invalid input: /, "")
    .replace(/, received undefined$/, ", but it is missing")
    .replace(/, received /, ", got ");
  return [`${at}: ${words}`];
}

function pathText(name: string, path: PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) => (typeof key === "number" ? `${text}[${key}]` : `${text}.${String(key)}`),
    name,
  );
}
