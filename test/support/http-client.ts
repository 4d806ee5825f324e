// Talks to the API as a client does: over fetch, to the whole Worker.

import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { afterAll, expect, vi } from "vitest";
import type { JobOnWire } from "../../src/contract/job";
import type { ErrorCode } from "../../src/core/errors";
import { ERRORS } from "../../src/core/errors";
import type { Env } from "../../src/env";
import worker from "../../src/worker";

export const ORIGIN = "https://errand.test";
export const ROOT_KEY = env.ROOT_KEY ?? "";
export const TOKEN_SECRET = env.TOKEN_SECRET ?? "";

// A test file whose Worker still runs a job when it ends keeps vitest from ending (seen with @cloudflare/vitest-plugin
// 1.4): so every file that talks to the API waits for the jobs it has set going.
afterAll(() => vi.waitFor(async () => expect(await underWay()).toBe(0), { timeout: 10_000, interval: 25 }));

async function underWay(): Promise<number> {
  const sql = `SELECT COUNT(*) AS count FROM jobs
    WHERE state = 'running' OR (state = 'pending' AND run_at <= unixepoch('subsec') * 1000)`;
  return (await env.DB.prepare(sql).first<number>("count")) ?? 0;
}

/** `key`: null for none. `json` is sent as it is, `text` too; neither: no body. */
export type Ask = {
  key?: string | null;
  json?: unknown;
  text?: BodyInit;
  headers?: Record<string, string>;
  /** Another environment than the one of the test project. */
  env?: Env;
  signal?: AbortSignal;
};

export type Answer<T> = { status: number; headers: Headers; text: string; body: T };

export type List<T> = { object: string; data: T[]; has_more: boolean; next_cursor: string | null };

export type ErrorBody = {
  error: {
    message: string;
    type: string;
    code: string;
    param: string | null;
    errors?: { index?: number; param: string; message: string }[];
    request_id: string;
  };
};

/** The bare response, for what is not JSON. */
export async function open(method: string, path: string, ask: Ask = {}): Promise<Response> {
  const { key = ROOT_KEY, json, text, signal } = ask;
  const headers = new Headers(ask.headers);
  if (key !== null) headers.set("authorization", `Bearer ${key}`);
  if (json !== undefined && !headers.has("content-type")) headers.set("content-type", "application/json");
  const body = json === undefined ? text : JSON.stringify(json);
  const request = new Request<unknown, IncomingRequestCfProperties>(`${ORIGIN}${path}`, {
    method,
    headers,
    body,
    signal,
  });
  if (!ask.env) return exports.default.fetch(request);
  const ctx = createExecutionContext();
  const response = await worker.fetch(request, ask.env, ctx);
  await waitOnExecutionContext(ctx);
  return response;
}

/** Asks, and reads the whole answer. */
export async function call<T = JobOnWire>(method: string, path: string, ask?: Ask): Promise<Answer<T>> {
  const { status, headers, text } = await read(await open(method, path, ask));
  return { status, headers, text, body: parse(text) as T };
}

async function read(response: Response) {
  return { status: response.status, headers: response.headers, text: await response.text() };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A body that is taken in at once and costs nothing. */
export function generate(fields: Record<string, unknown> = {}, model = "sandbox/chat!reply=Hello") {
  return { task: "generate", input: { prompt: "Say hello.", model }, ...fields };
}

/** A body whose job stays pending for an hour. */
export function later(fields: Record<string, unknown> = {}) {
  return generate({ delay_s: 3_600, ...fields });
}

/** A body whose job runs for a minute, unless it is cancelled. */
export function slow(fields: Record<string, unknown> = {}) {
  return generate(fields, "sandbox/chat!tokens=600,tps=10");
}

/** Submits; the answer, whatever it is. */
export function trySubmit(json: unknown): Promise<Answer<JobOnWire>> {
  return call("POST", "/v1/jobs", { json });
}

/** Submits; the job as it was taken in. */
export async function submit(json: unknown, ask: Ask = {}): Promise<JobOnWire> {
  const answer = await call("POST", "/v1/jobs", { ...ask, json });
  expect(answer.status, answer.text).toBe(202);
  return answer.body;
}

/** Submits, and waits for the end. */
export async function finish(json: unknown, ask: Ask = {}): Promise<JobOnWire> {
  const headers = { prefer: "wait=20", ...ask.headers };
  const answer = await call("POST", "/v1/jobs", { ...ask, json, headers });
  expect(answer.status, answer.text).toBe(200);
  return answer.body;
}

/** The job, once it is in this state. */
export function untilState(id: string, state: JobOnWire["state"], ask: Ask = {}): Promise<JobOnWire> {
  return vi.waitFor(
    async () => {
      const { body } = await call("GET", `/v1/jobs/${id}`, ask);
      expect(body.state).toBe(state);
      return body;
    },
    { timeout: 10_000, interval: 25 },
  );
}

/** Cancels what runs, and waits for its end: the queue of a test file runs one batch at a time. */
export async function stop(id: string, ask: Ask = {}): Promise<JobOnWire> {
  await call("POST", `/v1/jobs/${id}/cancel`, ask);
  return untilState(id, "cancelled", ask);
}

/** Fails unless the answer is the envelope with this code, and nothing but the envelope. */
export function expectError(
  answer: Answer<unknown>,
  code: ErrorCode,
  param?: string | null,
): ErrorBody["error"] {
  expect(answer.body, answer.text).toBeTypeOf("object");
  const { error, ...rest } = answer.body as ErrorBody;
  expect(rest).toEqual({});
  expect(error.code, answer.text).toBe(code);
  expect(answer.status).toBe(ERRORS[code].status);
  expect(answer.headers.get("content-type")).toBe("application/json");
  expect(error.type).toBe(ERRORS[code].type);
  expect(error.message).not.toBe("");
  expect(error.request_id).toBe(answer.headers.get("x-request-id"));
  const { errors, ...fields } = error;
  expect(Object.keys(fields).sort()).toEqual(["code", "message", "param", "request_id", "type"]);
  if (param !== undefined) expect(error.param).toBe(param);
  return error;
}

/** Makes a project with one key; its name must be new in the test file. */
export async function createProject(id: string, scopes?: string[]): Promise<string> {
  const created = await call("POST", "/v1/projects", { json: { id } });
  expect([201, 409]).toContain(created.status);
  return createKey(id, scopes);
}

export async function createKey(project: string, scopes?: string[], ask: Ask = {}): Promise<string> {
  const answer = await call<{ key: string }>("POST", `/v1/projects/${project}/keys`, {
    ...ask,
    json: { scopes },
  });
  expect(answer.status, answer.text).toBe(201);
  return answer.body.key;
}

export async function mint(grant: Record<string, unknown>, key: string = ROOT_KEY): Promise<string> {
  const answer = await call<{ token: string }>("POST", "/v1/tokens", { key, json: grant });
  expect(answer.status, answer.text).toBe(201);
  return answer.body.token;
}

/** Every route of one job: the method, and what follows its id. */
export const JOB_ROUTES = [
  ["GET", ""],
  ["GET", "/input"],
  ["GET", "/output"],
  ["GET", "/events"],
  ["POST", "/cancel"],
  ["POST", "/retry"],
  ["DELETE", ""],
] as const;
