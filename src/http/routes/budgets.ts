// Budgets of projects and of their keys: set by the root key, looked at by the project's own.

import { createRoute, z } from "@hono/zod-openapi";
import { budgetSchema, presentBudget, setBudgetSchema, toLimits } from "../../contract/budget";
import { listOf } from "../../contract/envelope";
import type { BudgetKey, BudgetLimits } from "../../core/budget";
import { AppError } from "../../core/errors";
import { wakeBudgetsNow } from "../../engine/budget-wake";
import { forgetQuotas } from "../../engine/check-quota";
import { getBudget, listBudgets, removeBudget, setBudget } from "../../store/budgets";
import { findProject } from "../../store/projects";
import { checkProject } from "../caller";
import type { App, HttpContext } from "../context";
import { allow, rootOnly } from "../middleware/authenticate";
import { bearer, body, failures, json } from "../responses";
import { isProjectId, projectParams } from "./projects";

const shared = { tags: ["Usage"], security: bearer };
const keyParams = z.object({ project: z.string(), key: z.string() });
const removed = {
  204: { description: "There is no such budget any more, and what waited for it goes on." },
  ...failures,
};
const set = {
  description:
    "All of its limits: one that is left out is none. Jobs that wait for it go on at once if there is room now; other isolates " +
    "learn of jobs_per_minute within 30 seconds.",
  responses: { 200: json(budgetSchema, "The budget."), ...failures },
};

const readBudgets = createRoute({
  ...shared,
  method: "get",
  path: "/v1/budgets",
  summary: "List the budgets of a project and its keys",
  middleware: allow({ scope: "jobs:read", token: null }),
  request: {
    query: z.object({ project: z.string().max(63).optional().openapi({ description: "For the root key." }) }),
  },
  responses: { 200: json(listOf(budgetSchema), "All of them, with what is spent."), ...failures },
});

const setOfProject = createRoute({
  ...shared,
  ...set,
  method: "put",
  path: "/v1/projects/{project}/budget",
  summary: "Set the budget of a project",
  middleware: rootOnly,
  request: { params: projectParams, ...body(setBudgetSchema) },
});

const setOfKey = createRoute({
  ...shared,
  ...set,
  method: "put",
  path: "/v1/projects/{project}/keys/{key}/budget",
  summary: "Set the budget of a key",
  middleware: rootOnly,
  request: { params: keyParams, ...body(setBudgetSchema) },
});

const removeOfProject = createRoute({
  ...shared,
  method: "delete",
  path: "/v1/projects/{project}/budget",
  summary: "Take away the budget of a project",
  middleware: rootOnly,
  request: { params: projectParams },
  responses: removed,
});

const removeOfKey = createRoute({
  ...shared,
  method: "delete",
  path: "/v1/projects/{project}/keys/{key}/budget",
  summary: "Take away the budget of a key",
  middleware: rootOnly,
  request: { params: keyParams },
  responses: removed,
});

export function budgetRoutes(app: App): void {
  app.openapi(readBudgets, async (c) => {
    const { deps, caller } = c.var;
    const { project } = c.req.valid("query");
    const projectId = project === undefined ? caller.projectId : checkProject(caller, project);
    const found = isProjectId(projectId) ? await findProject(deps.db, projectId) : null;
    if (!found || found.deletedAt !== null) throw new AppError("not_found");
    const budgets = await listBudgets(deps.db, projectId);
    return c.json({ object: "list" as const, data: budgets.map(presentBudget) }, 200);
  });

  app.openapi(setOfProject, async (c) => {
    const { project } = c.req.valid("param");
    const budget = await change(c, { projectId: project, keyId: null }, toLimits(c.req.valid("json")));
    return c.json(presentBudget(budget), 200);
  });

  app.openapi(setOfKey, async (c) => {
    const { project, key } = c.req.valid("param");
    const budget = await change(c, { projectId: project, keyId: key }, toLimits(c.req.valid("json")));
    return c.json(presentBudget(budget), 200);
  });

  app.openapi(removeOfProject, async (c) => {
    await remove(c, { projectId: c.req.valid("param").project, keyId: null });
    return c.body(null, 204);
  });

  app.openapi(removeOfKey, async (c) => {
    const { project, key } = c.req.valid("param");
    await remove(c, { projectId: project, keyId: key });
    return c.body(null, 204);
  });
}

async function change(c: HttpContext, key: BudgetKey, limits: BudgetLimits) {
  const { deps } = c.var;
  const isSet = isProjectId(key.projectId) && (await setBudget(deps.db, key, limits));
  const budget = isSet ? await getBudget(deps.db, key) : null;
  if (!budget) throw new AppError("not_found");
  follow(c, key);
  return budget;
}

async function remove(c: HttpContext, key: BudgetKey): Promise<void> {
  const isRemoved = isProjectId(key.projectId) && (await removeBudget(c.var.deps.db, key));
  if (!isRemoved) throw new AppError("not_found");
  follow(c, key);
}

function follow(c: HttpContext, { projectId }: BudgetKey): void {
  const { deps } = c.var;
  forgetQuotas(deps, projectId);
  deps.background(wakeBudgetsNow(deps));
}
