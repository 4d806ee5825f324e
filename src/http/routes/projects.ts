// Projects: made, listed, changed, deleted.

import { createRoute, z } from "@hono/zod-openapi";
import {
  createProjectSchema,
  projectIdSchema,
  projectSchema,
  updateProjectSchema,
} from "../../contract/access";
import { listOf } from "../../contract/envelope";
import { operationSchema, presentOperation } from "../../contract/operation";
import { AppError } from "../../core/errors";
import { operate } from "../../engine/operate";
import * as projects from "../../store/projects";
import type { App } from "../context";
import { rootOnly } from "../middleware/authenticate";
import { bearer, body, failures, json } from "../responses";

const shared = { tags: ["Access"], security: bearer };
export const projectParams = z.object({ project: z.string() });

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

const updateProject = createRoute({
  ...shared,
  method: "patch",
  path: "/v1/projects/{project}",
  summary: "Change a project",
  middleware: rootOnly,
  request: { params: projectParams, ...body(updateProjectSchema) },
  responses: { 200: json(projectSchema, "The project."), ...failures },
});

export function projectRoutes(app: App): void {
  app.openapi(createProject, async (c) => {
    const { id, name, retention_s, weight = 1 } = c.req.valid("json");
    const wanted = { name: name ?? id, retentionMs: toMs(retention_s) ?? null, weight };
    return c.json(showProject(await projects.createProject(c.var.deps.db, id, wanted)), 201);
  });

  app.openapi(updateProject, async (c) => {
    const { project } = c.req.valid("param");
    const { name, retention_s, weight } = c.req.valid("json");
    const changes = { name, retentionMs: toMs(retention_s), weight };
    const changed = isProjectId(project)
      ? await projects.updateProject(c.var.deps.db, project, changes)
      : null;
    if (!changed) throw new AppError("not_found");
    return c.json(showProject(changed), 200);
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
    const all = { action: "erase_project", filter: {}, rate: null } as const;
    const operation = await operate(deps, { projectId: caller.projectId, target: project, ...all });
    c.header("location", `/v1/operations/${operation.id}`);
    return c.json(presentOperation(operation), 202);
  });
}

export function isProjectId(text: string): boolean {
  return projectIdSchema.safeParse(text).success;
}

function showProject(project: projects.Project) {
  return {
    id: project.id,
    object: "project" as const,
    name: project.name,
    retention_s: project.retentionMs === null ? null : project.retentionMs / 1_000,
    weight: project.weight,
    created_at: new Date(project.createdAt).toISOString(),
  };
}

function toMs(seconds: number | null | undefined): number | null | undefined {
  return seconds == null ? seconds : seconds * 1_000;
}
