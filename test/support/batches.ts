// Batches over the API: started, waited for, and what they have done read line by line.

import { expect, vi } from "vitest";
import type { BatchOnWire } from "../../src/contract/batch";
import { type Ask, call, open } from "./http-client";

const PATIENT = { timeout: 50_000, interval: 50 };

export async function startBatch(json: unknown, ask: Ask = {}): Promise<BatchOnWire> {
  const { status, body, text } = await call<BatchOnWire>("POST", "/v1/batches", { json, ...ask });
  expect([status, text]).toEqual([202, text]);
  return body;
}

export async function theBatch(id: string): Promise<BatchOnWire> {
  return (await call<BatchOnWire>("GET", `/v1/batches/${id}`)).body;
}

export async function endedBatch(id: string, state = "completed"): Promise<BatchOnWire> {
  await vi.waitFor(async () => expect(await theBatch(id)).toMatchObject({ state }), PATIENT);
  return theBatch(id);
}

export type BatchLine = {
  index: number;
  custom_id: string | null;
  job: string;
  output?: { text: string };
  row?: Record<string, unknown>;
  state?: string;
  error?: { code: string; message: string };
};

export async function textOf(id: string, which: "output" | "errors"): Promise<string> {
  const response = await open("GET", `/v1/batches/${id}/${which}`);
  expect(response.status).toBe(200);
  return response.text();
}

export async function linesOf(id: string, which: "output" | "errors"): Promise<BatchLine[]> {
  const response = await open("GET", `/v1/batches/${id}/${which}`);
  expect(response.headers.get("content-type")).toBe("application/jsonl");
  const lines = (await response.text()).split("\n");
  expect(lines.pop()).toBe("");
  return lines.map((line) => JSON.parse(line));
}

/** Stores a file of JSON Lines; what is a string is a line as it stands. */
export async function uploadLines(lines: unknown[]): Promise<string> {
  const text = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n");
  const { body } = await call<{ id: string }>("POST", "/v1/files?name=items.jsonl", {
    text,
    headers: { "content-type": "application/jsonl" },
  });
  return body.id;
}

/** An item whose answer is this word. */
export const saying = (word: string, over = {}) => ({
  custom_id: word,
  input: { prompt: "Say it.", model: `sandbox/chat!reply=${word}` },
  ...over,
});
