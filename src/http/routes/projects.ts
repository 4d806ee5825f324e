// Projects and their keys.

import { createRoute, z } from "@hono/zod-openapi";
import {
  createKeySchema,
  createProjectSchema,
  keySchema,
  newKeySchema,
  projectIdSchema,
  projectSchema,
} from "../../contract/access";
import { listOf } from "../../contract/envelope";
import { operationSchema, presentOperation } from "../../contract/operation";
import { AppError } from "../../core/errors";
import type { Scope } from "../../core/scopes";
import { operate } from "../../engine/operate";
import * as keys from "../../store/keys";
import * as projects from "../../store/projects";
import type { Caller } from "../caller";
import type { App } from "../context";
import { allow, hashKey, rootOnly } from "../middleware/authenticate";
import { bearer, body, failures, json } from "../responses";

const shared = { tags: ["Access"], security: bearer };
const projectParams = z.object({ project: z.string() });
const keyParams = z.object({ project: z.string(), key: z.string() });
const keyAccess = allow({ scope: "admin", token: null });
const DEFAULT_SCOPES: Scope[] = ["jobs:read", "jobs:write"];

const createProject = createRoute({
  ...shared,
  method: "post",
  path: "/v1/projects",
  summary: "Create a project",
  middleware: rootOnly,
  request: body(createProjectSchema),
  responses: { 201: json(projectSchema, "The project."), ...failures },
});

const listProjects = createRoute({
  ...shared,
  method: "get",
  path: "/v1/projects",
  summary: "List projects",
  middleware: rootOnly,
  responses: { 200: json(listOf(projectSchema), "All of them."), ...failures },
});

const deleteProject = createRoute({
  ...shared,
  method: "delete",
  path: "/v1/projects/{project}",
  summary: "Delete a project with all it has",
  description:
    "At once it takes no jobs and its keys do not work. What runs is stopped; then everything is erased. Its id is free an hour later.",
  middleware: rootOnly,
  request: { params: projectParams },
  responses: { 202: json(operationSchema, "How far it is. `Location` is its address."), ...failures },
});

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

export function projectRoutes(app: App): void {
  app.openapi(createProject, async (c) => {
    const { id, name } = c.req.valid("json");
    const project = await projects.createProject(c.var.deps.db, id, name ?? id);
    return c.json(showProject(project), 201);
  });

  app.openapi(listProjects, async (c) => {
    const all = await projects.listProjects(c.var.deps.db);
    return c.json({ object: "list" as const, data: all.map(showProject) }, 200);
  });

  app.openapi(deleteProject, async (c) => {
    const { project } = c.req.valid("param");
    if (project === "default")
      throw new AppError("forbidden", { message: "The project default cannot be deleted." });
    const { deps, caller } = c.var;
    const found = isProjectId(project) ? await projects.findProject(deps.db, project) : null;
    if (!found || found.deletedAt !== null) throw new AppError("not_found");
    await projects.markDeleted(deps.db, project);
    const all = { action: "erase_project", filter: {}, rate: null } as const;
    const operation = await operate(deps, { projectId: caller.projectId, target: project, ...all });
    c.header("location", `/v1/operations/${operation.id}`);
    return c.json(presentOperation(operation), 202);
  });

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
    const project = await projects.findProject(c.var.deps.db, projectId);
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

function isProjectId(text: string): boolean {
  return projectIdSchema.safeParse(text).success;
}

/** 256 random bits. The prefix lets secret scanners know it. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return `errand_${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function showProject(project: projects.Project) {
  return {
    id: project.id,
    object: "project" as const,
    name: project.name,
    created_at: new Date(project.createdAt).toISOString(),
  };
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
