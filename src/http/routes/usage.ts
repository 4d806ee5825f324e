// GET /v1/usage: tokens and dollars, by whatever they are asked by.

import { createRoute, z } from "@hono/zod-openapi";
import { presentGroup, presentLine, presentSums, usageSchema } from "../../contract/usage";
import { AppError } from "../../core/errors";
import { isJobId } from "../../core/ids";
import {
  addSums,
  dayOf,
  daysBetween,
  formatUsageCursor,
  parseUsageCursor,
  USAGE_GROUPS,
  type UsageGroup,
} from "../../core/usage-report";
import { LEDGER_DAYS } from "../../store/age-out";
import { getJob } from "../../store/jobs";
import { listLedger, sumUsage } from "../../store/usage";
import { type Caller, checkProject } from "../caller";
import type { App, HttpContext } from "../context";
import { allow } from "../middleware/authenticate";
import { bearer, failures, json } from "../responses";

const MOST_GROUPS = 1_000;

const day = z.iso.date("expected a day of UTC, such as 2026-01-31");

const query = z.object({
  from: day.optional().openapi({ description: "The first day (UTC). Default: the first of this month." }),
  to: day.optional().openapi({ description: "The last day (UTC). Default: today." }),
  group_by: z
    .string()
    .max(100)
    .default("day")
    .openapi({
      description:
        `One or several of ${USAGE_GROUPS.join(", ")}, with commas. By tag, a job with several tags counts under each of ` +
        "them, and one without under none; `total` counts each once. Or `job`, alone: the runs of one job.",
      example: "day,model",
    }),
  job: z
    .string()
    .max(64)
    .optional()
    .openapi({ description: "The job, for `group_by=job`; days do not matter then." }),
  project: z.string().max(63).optional().openapi({
    description: "For the root key. By `project` and without this: all of them.",
  }),
  limit: z.coerce.number().int().min(1).max(MOST_GROUPS).default(MOST_GROUPS),
  cursor: z.string().max(8_000).optional().openapi({ description: "`next_cursor` of the page before." }),
});

type Query = z.infer<typeof query>;

const readUsage = createRoute({
  method: "get",
  path: "/v1/usage",
  summary: "Add up what was used",
  description:
    "From the ledger: every run that has used tokens, also failed, cancelled and lost ones, at the prices of its time. It is " +
    `kept for ${LEDGER_DAYS} days, longer than the jobs.`,
  tags: ["Usage"],
  security: bearer,
  middleware: allow({ scope: "jobs:read", token: null }),
  request: { query },
  responses: { 200: json(usageSchema, "The sums, in the order of what they are grouped by."), ...failures },
});

export function usageRoutes(app: App): void {
  app.openapi(readUsage, async (c) => {
    const asked = c.req.valid("query");
    const isOfJob = asked.group_by === "job";
    return c.json(isOfJob ? await usageOfJob(c, asked) : await usageByGroup(c, asked), 200);
  });
}

async function usageByGroup(c: HttpContext, asked: Query) {
  const { deps, caller } = c.var;
  const groups = readGroups(asked.group_by);
  const days = readDays(asked, deps.now());
  const after = asked.cursor === undefined ? null : parseUsageCursor(asked.cursor, groups.length);
  if (asked.cursor !== undefined && after === null) throw new AppError("invalid_cursor", { param: "cursor" });
  const limit = asked.limit + 1;
  const projectId = projectOf(caller, asked.project, groups);
  const { sums, total } = await sumUsage(deps.db, projectId, { days, groups, limit, after });
  const page = sums.slice(0, asked.limit);
  const last = sums.length > asked.limit ? page.at(-1) : undefined;
  return {
    object: "list" as const,
    data: page.map((one) => presentGroup(groups, one.names, one)),
    total: presentSums(total),
    has_more: last !== undefined,
    next_cursor: last ? formatUsageCursor(last.names) : null,
  };
}

/** Its lines outlive it, so that only a job of which nothing is left is not found. */
async function usageOfJob(c: HttpContext, { job: id, project }: Query) {
  const { deps, caller } = c.var;
  if (id === undefined) {
    throw new AppError("invalid_request", {
      param: "job",
      message: "job: expected the id of the job to group by.",
    });
  }
  const projectId = projectOf(caller, project, []) ?? caller.projectId;
  const lines = isJobId(id) ? await listLedger(deps.db, projectId, id) : [];
  if (lines.length === 0 && !(isJobId(id) && (await getJob(deps.db, { projectId, id })))) {
    throw new AppError("not_found");
  }
  const data = lines.map((line) => presentLine(id, line));
  const total = presentSums(addSums(lines));
  return { object: "list" as const, data, total, has_more: false, next_cursor: null };
}

function readGroups(text: string): UsageGroup[] {
  const names = text.split(",").map((name) => name.trim());
  const groups = USAGE_GROUPS.filter((group) => names.includes(group));
  if (groups.length < names.length) {
    const message = `group_by: expected some of ${USAGE_GROUPS.join(", ")}, each once and with commas, or job alone.`;
    throw new AppError("invalid_request", { param: "group_by", message });
  }
  return names as UsageGroup[];
}

function readDays({ from, to }: Query, nowMs: number): string[] {
  const today = dayOf(nowMs);
  const last = to ?? today;
  const first = from ?? `${today.slice(0, 7)}-01`;
  const days = daysBetween(first, last);
  if (days.length > 0 && days.length <= LEDGER_DAYS) return days;
  const message = `from: expected 1 to ${LEDGER_DAYS} days, got ${days.length} from ${first} to ${last}.`;
  throw new AppError("invalid_request", { param: "from", message });
}

/** Null: all projects. */
function projectOf(caller: Caller, project: string | undefined, groups: UsageGroup[]): string | null {
  if (project !== undefined) return checkProject(caller, project);
  return caller.kind === "root" && groups.includes("project") ? null : caller.projectId;
}
