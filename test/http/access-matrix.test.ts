import { beforeAll, describe, expect, it } from "vitest";
import {
  call,
  createKey,
  createProject,
  finish,
  generate,
  later,
  mint,
  open,
  ROOT_KEY,
  submit,
} from "../support/http-client";

const CALLERS = [
  "no key",
  "bad key",
  "read key",
  "write key",
  "admin key",
  "root key",
  "channel token (read)",
  "channel token (submit)",
  "job token",
] as const;
type CallerName = (typeof CALLERS)[number];

/** What each caller is answered, in the order of CALLERS. A route that is not here fails the test below. */
const EXPECTED: Record<string, string> = {
  "POST /v1/jobs": "401 401 403 202 202 202 403 202 403",
  "POST /v1/jobs/bulk": "401 401 403 202 202 202 403 202 403",
  "POST /v1/generate": "401 401 403 403 200 200 403 403 403",
  "POST /v1/cache/purge": "401 401 403 200 200 200 403 403 403",
  "GET /v1/jobs": "401 401 200 403 200 200 200 403 403",
  "GET /v1/jobs/{id}": "401 401 200 403 200 200 200 403 200",
  "GET /v1/jobs/{id}/input": "401 401 200 403 200 200 200 403 200",
  "GET /v1/jobs/{id}/output": "401 401 200 403 200 200 200 403 200",
  "GET /v1/jobs/{id}/files": "401 401 200 403 200 200 200 403 200",
  // The job has written none.
  "GET /v1/jobs/{id}/files/{name}": "401 401 404 403 404 404 404 403 404",
  "GET /v1/jobs/{id}/stream": "401 401 200 403 200 200 200 403 200",
  "GET /v1/jobs/{id}/events": "401 401 200 403 200 200 200 403 200",
  "POST /v1/jobs/{id}/cancel": "401 401 403 200 200 200 403 200 403",
  "POST /v1/jobs/{id}/retry": "401 401 403 202 202 202 403 403 403",
  "DELETE /v1/jobs/{id}": "401 401 403 204 204 204 403 403 403",
  "GET /v1/events": "401 401 200 403 200 200 200 403 403",
  "POST /v1/tokens": "401 401 201 403 201 201 403 403 403",
  "POST /v1/projects": "401 401 403 403 403 201 403 403 403",
  "GET /v1/projects": "401 401 403 403 403 200 403 403 403",
  "DELETE /v1/projects/{project}": "401 401 403 403 403 202 403 403 403",
  "POST /v1/jobs/cancel": "401 401 403 202 202 202 403 403 403",
  "POST /v1/jobs/retry": "401 401 403 202 202 202 403 403 403",
  "POST /v1/jobs/erase": "401 401 403 202 202 202 403 403 403",
  "GET /v1/failures": "401 401 200 403 200 200 403 403 403",
  "GET /v1/operations/{id}": "401 401 200 403 200 200 403 403 403",
  "PATCH /v1/projects/{project}": "401 401 403 403 403 200 403 403 403",
  "POST /v1/projects/{project}/keys": "401 401 403 403 201 201 403 403 403",
  "GET /v1/projects/{project}/keys": "401 401 403 403 200 200 403 403 403",
  "DELETE /v1/projects/{project}/keys/{key}": "401 401 403 403 204 204 403 403 403",
  "GET /v1/jobs/{id}/explain": "401 401 200 403 200 200 200 403 200",
  "GET /v1/pools": "401 401 200 403 200 200 403 403 403",
  "PATCH /v1/pools/{pool}": "401 401 403 403 403 200 403 403 403",
  "POST /v1/pauses": "401 401 403 200 200 200 403 403 403",
  "GET /v1/pauses": "401 401 200 403 200 200 403 403 403",
  "DELETE /v1/pauses/{id}": "401 401 403 204 204 204 403 403 403",
  "GET /v1/usage": "401 401 200 403 200 200 403 403 403",
  "GET /v1/budgets": "401 401 200 403 200 200 403 403 403",
  "PUT /v1/projects/{project}/budget": "401 401 403 403 403 200 403 403 403",
  "DELETE /v1/projects/{project}/budget": "401 401 403 403 403 204 403 403 403",
  "PUT /v1/projects/{project}/keys/{key}/budget": "401 401 403 403 403 200 403 403 403",
  "DELETE /v1/projects/{project}/keys/{key}/budget": "401 401 403 403 403 204 403 403 403",
  "PUT /v1/streams/{name}": "401 401 403 403 201 201 403 403 403",
  "POST /v1/streams/{name}": "401 401 403 403 204 204 403 403 403",
  "GET /v1/streams/{name}": "401 401 403 403 200 200 403 403 403",
  "DELETE /v1/streams/{name}": "401 401 403 403 204 204 403 403 403",
  "POST /v1/files": "401 401 403 201 201 201 403 403 403",
  "GET /v1/files": "401 401 200 403 200 200 403 403 403",
  "GET /v1/files/{id}": "401 401 200 403 200 200 403 403 403",
  "GET /v1/files/{id}/content": "401 401 200 403 200 200 403 403 403",
  "DELETE /v1/files/{id}": "401 401 403 204 204 204 403 403 403",
  "POST /v1/files/uploads": "401 401 403 201 201 201 403 403 403",
  "PUT /v1/files/{id}/parts/{number}": "401 401 403 200 200 200 403 403 403",
  "POST /v1/files/{id}/complete": "401 401 403 200 200 200 403 403 403",
  "POST /v1/batches": "401 401 403 202 202 202 403 403 403",
  "POST /v1/batches/estimate": "401 401 403 200 200 200 403 403 403",
  "GET /v1/batches": "401 401 200 403 200 200 200 403 403",
  "GET /v1/batches/{id}": "401 401 200 403 200 200 404 403 404",
  "GET /v1/batches/{id}/output": "401 401 200 403 200 200 404 403 404",
  "GET /v1/batches/{id}/errors": "401 401 200 403 200 200 404 403 404",
  "POST /v1/batches/{id}/cancel": "401 401 403 200 200 200 403 403 403",
  "POST /v1/batches/{id}/retry": "401 401 403 202 202 202 403 403 403",
  "GET /v1/tasks": "401 401 200 403 200 200 200 403 200",
  "GET /health": "200 401 200 200 200 200 200 200 200",
};

type Target = { project: string; key: string | null; job: string };

let targets: Record<CallerName, Target>;
let made = 0;

/** Makes what the route needs anew for each call, so that no call sees what another did. */
async function addressOf(route: string, { project, job }: Target): Promise<string> {
  const path = route.split(" ")[1] ?? "";
  if (route === "DELETE /v1/projects/{project}") {
    const id = `doomed-${made++}`;
    await createProject(id);
    return path.replace("{project}", id);
  }
  if (path.includes("{key}")) {
    const { body } = await call<{ id: string }>("POST", `/v1/projects/${project}/keys`, { json: {} });
    const address = path.replace("{project}", project).replace("{key}", body.id);
    if (route === "DELETE /v1/projects/{project}/keys/{key}/budget") await setBudget(address);
    return address;
  }
  if (route === "DELETE /v1/projects/{project}/budget") await setBudget(`/v1/projects/${project}/budget`);
  if (path.startsWith("/v1/operations")) {
    const key = await ownerOf(project);
    const { body } = await call<{ id: string }>("POST", "/v1/jobs/erase", { key, json: NOTHING });
    return path.replace("{id}", body.id);
  }
  if (path.includes("{pool}")) return path.replace("{pool}", encodeURIComponent("sandbox/limited"));
  if (path.includes("/v1/pauses/")) {
    const { body } = await call<{ id: string }>("POST", "/v1/pauses", {
      key: await ownerOf(project),
      json: UNUSED,
    });
    return path.replace("{id}", body.id);
  }
  if (path.includes("/v1/batches/{id}")) return addressOfBatch(path, await ownerOf(project));
  if (path.includes("/v1/files/{id}")) return addressOfFile(path, await ownerOf(project));
  if (path.includes("/v1/streams/{name}")) {
    const address = path.replace("{name}", `stream-${made++}`);
    if (!route.startsWith("PUT")) await call("PUT", address, { key: await ownerOf(project), json: [] });
    return address;
  }
  const fresh = route.startsWith("DELETE") && path.includes("{id}");
  const id = fresh ? (await submit(later(), { key: await ownerOf(project) })).id : job;
  const query = path === "/v1/events" ? "?channel=c" : "";
  return path.replace("{project}", project).replace("{id}", id).replace("{name}", "none") + query;
}

const BATCH = { task: "generate", items: [{ input: generate().input }], delay_s: 36_000 };

/** Of a new batch; of a cancelled one, where it is to be retried. No token is about it. */
async function addressOfBatch(path: string, key: string): Promise<string> {
  const { body } = await call<{ id: string }>("POST", "/v1/batches", { key, json: BATCH });
  if (path.endsWith("/retry")) await call("POST", `/v1/batches/${body.id}/cancel`, { key });
  return path.replace("{id}", body.id);
}

/** Of a new file; of an upload with its one part, where it is about those. */
async function addressOfFile(path: string, key: string): Promise<string> {
  const isUpload = /parts|complete/.test(path);
  const begin = { key, json: { name: "matrix" } };
  const made = isUpload
    ? await call<{ id: string }>("POST", "/v1/files/uploads", begin)
    : await call<{ id: string }>("POST", "/v1/files", { key, text: "content" });
  const address = path.replace("{id}", made.body.id).replace("{number}", "1");
  if (path.endsWith("complete"))
    await call("PUT", address.replace("complete", "parts/1"), { key, text: "x" });
  return address;
}

const BUDGET = { tokens_per_day: 1_000_000_000 };

async function setBudget(path: string): Promise<void> {
  expect((await call("PUT", path, { json: BUDGET })).status).toBe(200);
}

const owners = new Map<string, string>([["default", ROOT_KEY]]);

async function ownerOf(project: string): Promise<string> {
  const owner = owners.get(project) ?? (await createProject(project, ["admin"]));
  owners.set(project, owner);
  return owner;
}

/** An operation that finds no job. */
const NOTHING = { filter: { tag: "nothing" } };

/** A pause of what nothing here uses. */
const UNUSED = { task: "embed" };

function bodyOf(route: string): unknown {
  if (/^POST .v1.jobs.(cancel|retry|erase)$/.test(route)) return NOTHING;
  if (route === "POST /v1/pauses") return UNUSED;
  if (route === "POST /v1/cache/purge") return { tags: ["nothing"] };
  if (route === "POST /v1/jobs") return later();
  if (route === "POST /v1/generate") return { input: generate().input };
  if (route === "POST /v1/jobs/bulk") return { jobs: [later()] };
  if (route === "POST /v1/batches") return BATCH;
  if (route === "POST /v1/batches/estimate") return { task: BATCH.task, items: BATCH.items };
  if (route === "POST /v1/tokens") return { channel: "c", allow: ["read"] };
  if (route === "PATCH /v1/projects/{project}") return { name: "Matrix" };
  if (route === "PATCH /v1/pools/{pool}") return {};
  if (route === "POST /v1/streams/{name}") return { said: "hello" };
  if (route === "POST /v1/files/uploads") return { name: "matrix" };
  if (route.endsWith("/complete")) return {};
  if (route.startsWith("PUT")) return BUDGET;
  if (route === "POST /v1/projects") return { id: `new-${made++}` };
  return route === "POST /v1/projects/{project}/keys" ? {} : undefined;
}

beforeAll(async () => {
  const key = await ownerOf("matrix");
  const job = (await finish(generate({ channel: "c", stream: true }), { key })).id;
  const rootJob = (await finish(generate({ channel: "c", stream: true }))).id;
  const own = (credential: string | null): Target => ({ project: "matrix", key: credential, job });
  for (const owner of [key, ROOT_KEY]) await call("POST", "/v1/pauses", { key: owner, json: UNUSED });
  targets = {
    "no key": own(null),
    "bad key": own("errand_0000000000000000000000000000000000000000000000000000000000000000"),
    "read key": own(await createKey("matrix", ["jobs:read"])),
    "write key": own(await createKey("matrix", ["jobs:write"])),
    "admin key": own(key),
    "root key": { project: "default", key: ROOT_KEY, job: rootJob },
    "channel token (read)": own(await mint({ channel: "c", allow: ["read"] }, key)),
    "channel token (submit)": own(await mint({ channel: "c", allow: ["submit"] }, key)),
    "job token": own(await mint({ job, allow: ["read"] }, key)),
  };
});

describe("who may do what", () => {
  it("is said here for every route of the OpenAPI document, and for no other", async () => {
    type Document = { paths: Record<string, Record<string, unknown>> };
    const { body } = await call<Document>("GET", "/openapi.json", { key: null });
    const routes = Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(routes.sort()).toEqual(Object.keys(EXPECTED).sort());
  });

  const cells = Object.entries(EXPECTED).flatMap(([route, statuses]) =>
    statuses.split(" ").map((status, i) => [route, CALLERS[i] ?? "", Number(status)] as const),
  );

  it.each(cells)("%s with %s is answered %i", async (route, caller, expected) => {
    const target = targets[caller as CallerName];
    const path = await addressOf(route, target);
    const [method = ""] = route.split(" ");
    const response = await open(method, path, { key: target.key, json: bodyOf(route) });
    const events = response.headers.get("content-type")?.startsWith("text/event-stream");
    const text = events ? await response.body?.cancel() : await response.text();
    expect(response.status, String(text)).toBe(expected);
  });

  it.each(["/", "/openapi.json", "/docs"])("%s is open to all", async (path) => {
    expect((await open("GET", path, { key: null })).status).toBe(200);
  });
});
