// Keys of a project: made, listed, revoked.

import { createRoute, z } from "@hono/zod-openapi";
import { createKeySchema, keySchema, newKeySchema } from "../../contract/access";
import { listOf } from "../../contract/envelope";
import { AppError } from "../../core/errors";
import type { Scope } from "../../core/scopes";
import * as keys from "../../store/keys";
import { findProject } from "../../store/projects";
import type { Caller } from "../caller";
import type { App } from "../context";
import { allow, hashKey } from "../middleware/authenticate";
import { bearer, body, failures, json } from "../responses";
import { isProjectId, projectParams } from "./projects";

const shared = { tags: ["Access"], security: bearer };
const keyParams = z.object({ project: z.string(), key: z.string() });
const keyAccess = allow({ scope: "admin", token: null });
const DEFAULT_SCOPES: Scope[] = ["jobs:read", "jobs:write"];

const createKey = createRoute({
  ...shared,
  method: "post",
  path: "/v1/projects/{project}/keys",
  summary: "Create a key",
  middleware: keyAccess,
  request: { params: projectParams, ...body(createKeySchema) },
  responses: { 201: json(newKeySchema, "The key. It is shown this once."), ...failures },
});

const listKeys = createRoute({
  ...shared,
  method: "get",
  path: "/v1/projects/{project}/keys",
  summary: "List keys",
  middleware: keyAccess,
  request: { params: projectParams },
  responses: { 200: json(listOf(keySchema), "All of them, without the keys themselves."), ...failures },
});

const deleteKey = createRoute({
  ...shared,
  method: "delete",
  path: "/v1/projects/{project}/keys/{key}",
  summary: "Revoke a key",
  description: "It stops working within 30 seconds.",
  middleware: keyAccess,
  request: { params: keyParams },
  responses: { 204: { description: "It is revoked." }, ...failures },
});

export function keyRoutes(app: App): void {
  app.openapi(createKey, async (c) => {
    const projectId = ownProject(c.var.caller, c.req.valid("param").project);
    const { name, scopes } = c.req.valid("json");
    const secret = newKey();
    const key = { projectId, id: c.var.deps.newId("key"), name: name ?? null, hint: secret.slice(-4) };
    const unique = [...new Set(scopes ?? DEFAULT_SCOPES)];
    const created = await keys.createKey(c.var.deps.db, { ...key, scopes: unique }, await hashKey(secret));
    if (!created) throw new AppError("not_found");
    return c.json({ ...showKey(created), key: secret }, 201);
  });

  app.openapi(listKeys, async (c) => {
    const projectId = ownProject(c.var.caller, c.req.valid("param").project);
    const project = await findProject(c.var.deps.db, projectId);
    if (!project || project.deletedAt !== null) throw new AppError("not_found");
    const all = await keys.listKeys(c.var.deps.db, projectId);
    return c.json({ object: "list" as const, data: all.map(showKey) }, 200);
  });

  app.openapi(deleteKey, async (c) => {
    const { project, key } = c.req.valid("param");
    const projectId = ownProject(c.var.caller, project);
    if (!(await keys.deleteKey(c.var.deps.db, projectId, key))) throw new AppError("not_found");
    return c.body(null, 204);
  });
}

/** The root key may name any project, a key its own; all others do not exist for it. */
function ownProject(caller: Caller, project: string): string {
  const allowed = caller.kind === "root" ? isProjectId(project) : project === caller.projectId;
  if (!allowed) throw new AppError("not_found");
  return project;
}

/** 256 random bits. The prefix lets secret scanners know it. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return `errand_${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function showKey(key: keys.ApiKey) {
  return {
    id: key.id,
    object: "key" as const,
    project: key.projectId,
    name: key.name,
    hint: key.hint,
    scopes: key.scopes,
    created_at: new Date(key.createdAt).toISOString(),
  };
}
