// What every answer keeps to, whatever was asked: the guarantees that fuzzing checks.

import { expect } from "vitest";
import { ERRORS, type ErrorCode } from "../../src/core/errors";
import { type Answer, type ErrorBody, expectError } from "./http-client";
import type { Operation } from "./openapi-document";
import { fits, type Scope } from "./schema-arbitraries";

/** Words that only come of a mistake: they say how we are built, or that nobody meant to say it. */
const INTERNALS = [
  /\bD1_|SQLITE|\bSQL\b|no such (table|column)|syntax error|constraint failed/i,
  /\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\b.*\b(FROM|VALUES|SET|WHERE)\b/,
  /\b\w*(Type|Reference|Range|Syntax|Zod|Eval|URI)Error\b|Cannot (read|set|convert)|is not (a function|iterable)/,
  /^\s*at .+:\d+/m,
  /\.[mc]?[jt]s\b|node_modules|file:\/\/|(^|[\s"'(])\/(home|tmp|work|usr|src|var)\//,
  /\[object \w+\]|\bundefined\b|\bNaN\b/,
];

/** Addresses outside the document that are open to all. */
const UNDOCUMENTED = ["/", "/docs", "/openapi.json"];

export type Met = { operation: Operation | null; pathname: string; scope: Scope };

/** Fails unless the answer keeps every guarantee. `secrets`: what no answer may hold. */
export function expectSound(answer: Answer<unknown>, met: Met, secrets: Iterable<string>): void {
  const { status, headers, text } = answer;
  expect(status, text).toBeLessThan(500);
  expect(headers.get("x-request-id"), "x-request-id").toBeTruthy();
  const whole = `${text}\n${[...headers].flat().join("\n")}`;
  for (const secret of secrets) expect(whole.includes(secret), `a secret in ${whole}`).toBe(false);
  if (status >= 400) expectSoundError(answer);
  else if (met.operation) expectDescribed(answer, met.operation, met.scope);
  else expect(UNDOCUMENTED, `${status} ${text}`).toContain(met.pathname);
}

function expectSoundError(answer: Answer<unknown>): void {
  const { error } = (answer.body ?? {}) as Partial<ErrorBody>;
  const code = error?.code ?? "";
  expect(Object.hasOwn(ERRORS, code), `no code of ours: ${answer.text}`).toBe(true);
  const { message, errors = [] } = expectError(answer, code as ErrorCode);
  for (const words of [message, ...errors.map((one) => one.message)]) {
    for (const internal of INTERNALS) expect(words).not.toMatch(internal);
  }
}

/** Its status is in the document, and its JSON fits the schema that stands there. */
function expectDescribed(
  { status, headers, text, body }: Answer<unknown>,
  operation: Operation,
  scope: Scope,
) {
  const content = operation.answers[status];
  expect(content, `${operation.name} is not said to answer ${status}`).toBeDefined();
  if (status === 101) return;
  const [[type, described] = []] = Object.entries(content ?? {}).filter(
    ([one]) => one === "*/*" || headers.get("content-type")?.startsWith(one),
  );
  if (!type) {
    expect([text, Object.keys(content ?? {})], `${operation.name} ${status}`).toEqual(["", []]);
  } else if (type === "application/json") {
    expect(body, `not JSON: ${text}`).not.toBeUndefined();
    expect(problemsOf(described?.schema ?? {}, scope)(body), text).toEqual([]);
  }
}

const judges = new WeakMap<object, ReturnType<typeof fits>>();

function problemsOf(schema: object, scope: Scope): ReturnType<typeof fits> {
  const judge = judges.get(schema) ?? fits(schema, scope);
  judges.set(schema, judge);
  return judge;
}
