// Sends arbitrary requests: fills in ids that are there, and reads what comes back, streams and sockets included.

import { writeJobFile } from "../../src/engine/job-files";
import { delayed } from "./delayed";
import { testDeps } from "./deps";
import {
  type Answer,
  call,
  createProject,
  finish,
  generate,
  later,
  ORIGIN,
  open,
  ROOT_KEY,
} from "./http-client";
import type { FuzzRequest, Segment } from "./openapi-arbitraries";
import type { Operation } from "./openapi-document";
import { theJob } from "./rows";

/** A key or token; or null and any other text. */
export type Credential = { key: string | null; authorization?: string };

/** Whose data are asked for. `ids`: what is known to be there, by the address of its collection. */
export type Owner = { key: string; ids: Map<string, string[]> };

let made = 0;

/** How to make one more of a collection; of others, the ids are those that a POST to them has given out. */
const SEEDS: Record<string, () => unknown> = {
  "/v1/jobs": () => later({ channel: "c" }),
  "/v1/projects": () => ({ id: `seed-${made++}` }),
  "/v1/projects/{project}/keys": () => ({}),
  "/v1/pauses": () => ({}),
  "/v1/files": () => "content",
  "/v1/batches": () => ({ task: "generate", items: [{ input: generate().input }], delay_s: 36_000 }),
};

/** What is no id, but a number or a name that fits. */
const NAMES: Record<string, string[]> = {
  "/v1/files/{id}/parts": ["1"],
  "/v1/jobs/{id}/files": ["output.jsonl"],
};

async function createStream(key: string): Promise<string> {
  await call("PUT", "/v1/streams/known", { key, json: [] });
  return "known";
}

export async function createOwner(project: string): Promise<Owner> {
  const key = project === "default" ? ROOT_KEY : await createProject(project, ["admin"]);
  const done = await finish(generate({ channel: "c", stream: true }), { key });
  const job = await theJob(done.id, project);
  await writeJobFile(testDeps(), job, "output.jsonl", new Blob(["{}"]).stream());
  const ids = new Map([
    ["/v1/jobs", [done.id]],
    ["/v1/projects", [project]],
    ["/v1/pools", [encodeURIComponent("sandbox/limited")]],
    ["/v1/streams", [await createStream(key)]],
  ]);
  return { key, ids };
}

/** The path with its ids. What is to be deleted is made anew for each request. */
export async function addressOf(operation: Operation, request: FuzzRequest, owner: Owner): Promise<string> {
  let path = "";
  let template = "";
  for (const step of operation.path.split("/").slice(1)) {
    const name = /^\{(\w+)\}$/.exec(step)?.[1];
    const last = operation.path.endsWith(`/${step}`);
    const fresh = operation.method === "DELETE" && last;
    const segment = name === undefined ? undefined : request.segments[name];
    path += `/${segment ? await idOf(segment, { path, template, owner, fresh }) : step}`;
    template += `/${step}`;
  }
  return request.query ? `${path}?${request.query}` : path;
}

type Place = { path: string; template: string; owner: Owner; fresh: boolean };

async function idOf(segment: Segment, { path, template, owner, fresh }: Place): Promise<string> {
  if ("raw" in segment) return segment.raw;
  const known = owner.ids.get(path) ?? NAMES[template] ?? [];
  const seed = SEEDS[template];
  if (seed && (fresh || known.length < 2)) {
    const id = await create(path, seed(), owner);
    if (id && !fresh) known.push(id);
    owner.ids.set(path, known);
    if (fresh) return `${id ?? "x"}${segment.suffix}`;
  }
  return `${known[segment.known % known.length] ?? "x"}${segment.suffix}`;
}

async function create(path: string, json: unknown, owner: Owner): Promise<string | undefined> {
  const mine = await call<{ id?: string }>("POST", path, { json, key: owner.key });
  if (mine.status < 400) return mine.body.id;
  return (await call<{ id?: string }>("POST", path, { json })).body.id;
}

/** A generous bound: what takes longer hangs. */
const BOUND_MS = 10_000;

/** Sends the request and reads the answer; throws when there is none in time. */
export async function send(
  method: string,
  path: string,
  request: FuzzRequest,
  credential: Credential,
): Promise<Answer<unknown>> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${BOUND_MS} ms`)), BOUND_MS);
  try {
    return await Promise.race([ask(method, path, request, credential), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function ask(method: string, path: string, { headers, body }: FuzzRequest, credential: Credential) {
  const { key, authorization } = credential;
  const content = typeof body?.content === "string" ? new TextEncoder().encode(body.content) : body?.content;
  const response = await open(method, path, {
    key,
    text: content && delayed(content),
    headers: {
      ...headers,
      ...(authorization === undefined ? {} : { authorization }),
      // A request of bytes has no type but the one it is given.
      ...(body?.type ? { "content-type": body.type } : {}),
    },
  });
  // A stream to which nothing has been written yet has nothing to say.
  const isSilent = path.split("?")[0]?.endsWith("/stream") === true;
  const text = await textOf(response, isSilent);
  return { status: response.status, headers: response.headers, text, body: parse(text) };
}

/** Of a stream or socket the first piece, and then it is closed. */
async function textOf(response: Response, isSilent: boolean): Promise<string> {
  const { webSocket: socket, body } = response;
  if (socket) {
    const { promise, resolve } = Promise.withResolvers<string>();
    socket.addEventListener("message", ({ data }) => resolve(String(data)));
    socket.accept();
    const text = isSilent ? "" : await promise;
    socket.close(1000, "bye");
    return text;
  }
  if (!body || !response.headers.get("content-type")?.startsWith("text/event-stream")) return response.text();
  const reader = body.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return new TextDecoder().decode(value);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const KEPT_IDS = 4;

/**
 * Keeps the id of what a POST has made, for later requests to ask for: the first of each collection, and the last few.
 * Returns the secrets that the answer gave out.
 */
export function remember(path: string, { status, headers, body }: Answer<unknown>, owner: Owner): string[] {
  const { id, key, token } = (body ?? {}) as Record<string, unknown>;
  if (status < 300 && typeof id === "string") {
    const address = headers.get("location") ?? `${path.split("?")[0]}/${id}`;
    const collection = address.slice(0, address.lastIndexOf("/"));
    const [first, ...others] = owner.ids.get(collection) ?? [];
    owner.ids.set(collection, first ? [first, ...others.slice(-KEPT_IDS), id] : [id]);
  }
  return [key, token].filter((one) => typeof one === "string");
}

export const pathnameOf = (path: string) => new URL(`${ORIGIN}${path}`).pathname;
