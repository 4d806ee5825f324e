// GET /v1/tasks: what can be asked for, with the schemas of input and output.

import { createRoute, z } from "@hono/zod-openapi";
import { listOf } from "../../contract/envelope";
import type { Task } from "../../tasks/define";
import { tasks } from "../../tasks/index";
import type { App } from "../context";
import { allow } from "../middleware/authenticate";
import { bearer, failures, json } from "../responses";

const taskSchema = z
  .object({
    name: z.string(),
    object: z.literal("task"),
    description: z.string(),
    defaults: z.object({ max_attempts: z.int(), timeout_s: z.number() }),
    input_schema: z.record(z.string(), z.unknown()).openapi({ description: "JSON Schema 2020-12." }),
    output_schema: z.record(z.string(), z.unknown()).openapi({ description: "JSON Schema 2020-12." }),
  })
  .openapi("Task");

const listTasks = createRoute({
  method: "get",
  path: "/v1/tasks",
  summary: "List tasks",
  tags: ["Tasks"],
  security: bearer,
  middleware: allow({ scope: "jobs:read", token: "read" }),
  responses: { 200: json(listOf(taskSchema), "All tasks of this deployment."), ...failures },
});

export function taskRoutes(app: App): void {
  app.openapi(listTasks, (c) => c.json({ object: "list" as const, data: tasks.map(showTask) }, 200));
}

function showTask(task: Task) {
  return {
    name: task.name,
    object: "task" as const,
    description: task.description,
    defaults: task.defaults,
    input_schema: z.toJSONSchema(task.input, { io: "input" }),
    output_schema: z.toJSONSchema(task.output),
  };
}
