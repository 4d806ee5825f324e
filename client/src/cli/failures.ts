// What a person is told of an error: what, which field, what to do, and under which id the server knows it.

import {
  AuthenticationError,
  ConnectionError,
  ErrandError,
  JobFailedError,
  PermissionError,
  TimeoutError,
} from "../errors.ts";
import { EXIT, WrongUsage } from "./command.ts";
import { paintOn, type Sink } from "./screen.ts";
import { clean, pad, wrap } from "./width.ts";

export function exitCodeOf(error: unknown): number {
  if (error instanceof WrongUsage) return EXIT.wrongUsage;
  if (isAway(error) || error instanceof AuthenticationError || error instanceof PermissionError)
    return EXIT.noService;
  return EXIT.failed;
}

/** Nobody answers, or somebody who is not Errand. */
export function isAway(error: unknown): boolean {
  if (error instanceof ConnectionError || error instanceof TimeoutError) return true;
  return error instanceof ErrandError && error.type === "http_error";
}

export type Told = { what: string; field?: string; todo?: string; request?: string };

export function tell(error: unknown): Told {
  if (error instanceof WrongUsage) return { what: error.message, todo: error.todo ?? undefined };
  if (!(error instanceof ErrandError))
    return { what: error instanceof Error ? error.message : String(error) };
  return {
    what: whatOf(error),
    field: error.param ?? undefined,
    todo: todoOf(error),
    request: error.requestId ?? undefined,
  };
}

function whatOf(error: ErrandError): string {
  const others = error.problems
    .filter(({ param }) => param !== error.param)
    .map(({ message }) => `\n${message}`);
  // The client's own words ask about pages too, which this is not.
  const message =
    error instanceof ConnectionError ? (error.message.split(". Is baseUrl")[0] ?? "") : error.message;
  return `${message.replace(/[.\s]*$/, "")} (${error.code})${others.join("")}`;
}

function todoOf(error: ErrandError): string | undefined {
  if (error instanceof JobFailedError) return `errand logs ${error.job.id}`;
  if (error.jobIds.length > 0)
    return `Nobody knows whether it was stored: errand logs ${error.jobIds[0]} tells in a moment.`;
  if (error instanceof AuthenticationError) return "Check ERRAND_KEY. errand doctor tells more.";
  if (error instanceof PermissionError) return "Use a key that may do that: errand keys create makes one.";
  if (error instanceof ConnectionError)
    return "Is ERRAND_URL right, and does Errand run there? errand doctor tells more.";
  if (isAway(error)) return "Is ERRAND_URL the address of Errand? errand doctor tells more.";
  if (error.code === "unknown_task") return "GET /v1/tasks lists what there is; errand doctor names them.";
  if (error.code === "job_not_final") return "errand cancel it, or wait for its end with errand watch.";
  if (error.retryAfterMs !== null) return `Try again in ${Math.ceil(error.retryAfterMs / 1_000)} s.`;
  if (error.code === "not_found") return "Check the id, and that the key is of the same project.";
  return undefined;
}

/** On stderr, in lines that fit. */
export function show(error: unknown, sink: Sink): void {
  const { what, field, todo, request } = tell(error);
  const parts = [
    ["error", what],
    ["field", field],
    ["do", todo],
    ["request", request],
  ];
  for (const [name = "", text] of parts) if (text !== undefined) showPart(name, text, sink);
}

const LEFT = 9;

function showPart(name: string, text: string, sink: Sink): void {
  const colour = name === "error" ? "red" : "dim";
  const lines = text.split("\n").flatMap((line) => wrap(clean(line), sink.columns() - LEFT));
  lines.forEach((line, i) => {
    sink.write(`${paintOn(sink, colour, pad(i === 0 ? name : "", LEFT))}${line}\n`);
  });
}

/** One line of JSON on stderr, for who asked for JSON. */
export function showJson(error: unknown, sink: Sink): void {
  const { what, field: param = null, todo = null, request: request_id = null } = tell(error);
  const code =
    error instanceof ErrandError ? error.code : error instanceof WrongUsage ? "wrong_usage" : "failed";
  sink.write(`${JSON.stringify({ error: { code, message: what, param, todo, request_id } })}\n`);
}
