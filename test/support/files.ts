// Makes and reads files through the API.

import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { z } from "zod";
import type { fileSchema } from "../../src/contract/file";
import type { StoredFile } from "../../src/core/file";
import { storeFile } from "../../src/engine/store-file";
import type { Env } from "../../src/env";
import { testDeps } from "./deps";
import { PROJECT } from "./factory";
import { type Ask, call, open } from "./http-client";

export type FileOnWire = z.output<typeof fileSchema>;

/** The environment of the tests, with encryption at rest. */
export const sealingEnv: Env = { ...env, ENCRYPTION_KEYS: `k1:${new Uint8Array(32).fill(7).toBase64()}` };

/** Bytes that do not repeat soon, so that what is swapped or cut is seen. */
export function noise(bytes: number): Uint8Array {
  const made = new Uint8Array(bytes);
  for (let i = 0, state = 1; i < bytes; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    made[i] = state >>> 24;
  }
  return made;
}

/** Without a known length, in pieces; `error`: how it ends instead of well. */
export function streamOf(bytes: Uint8Array, piece: number, error?: Error): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at < bytes.byteLength) controller.enqueue(bytes.slice(at, at + piece));
      else if (error) controller.error(error);
      else controller.close();
      at += piece;
    },
  });
}

export async function upload(content: BodyInit, { name = "data", ...ask }: Ask & { name?: string } = {}) {
  const answer = await call<FileOnWire>("POST", `/v1/files?name=${name}`, { ...ask, text: content });
  expect(answer.status, answer.text).toBe(201);
  return answer.body;
}

export async function bytesOf(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer());
}

export async function contentOf(id: string, ask: Ask = {}): Promise<Uint8Array> {
  const response = await open("GET", `/v1/files/${id}/content`, ask);
  expect(response.status).toBe(200);
  return bytesOf(response);
}

/** The keys of all objects that files have. */
export async function objectsOf(): Promise<string[]> {
  return (await env.BUCKET.list()).objects.map(({ key }) => key).filter((key) => key.includes("/files/"));
}

async function digest(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

export async function sha256(bytes: Uint8Array): Promise<string> {
  return (await digest(bytes)).toHex();
}

export async function digestHeader(bytes: Uint8Array): Promise<string> {
  return `sha-256=:${(await digest(bytes)).toBase64()}:`;
}

/** A form as it is on the wire: name, filename and content of each field. */
export function form(fields: [string, string | null, string][]): Pick<Ask, "text" | "headers"> {
  const parts = fields.map(([name, filename, content]) => {
    const file = filename === null ? "" : `; filename="${filename}"`;
    const type = filename === null ? "" : "Content-Type: application/jsonl\r\n";
    return `--bound\r\nContent-Disposition: form-data; name="${name}"${file}\r\n${type}\r\n${content}\r\n`;
  });
  return {
    text: `${parts.join("")}--bound--\r\n`,
    headers: { "content-type": "multipart/form-data; boundary=bound" },
  };
}

/** A file as the engine stores it. */
export function aFile({ deps = testDeps(), projectId = PROJECT } = {}): Promise<StoredFile> {
  async function* content() {
    yield new TextEncoder().encode("hello");
  }
  const head = { projectId, name: "data", contentType: "text/plain", sha256: null };
  return storeFile(deps, { ...head, content: content() });
}
