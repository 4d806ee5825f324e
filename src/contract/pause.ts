// Pauses on the wire.

import { z } from "@hono/zod-openapi";
import { PAUSE_SCOPES, type Pause } from "../core/pause";
import { plainText } from "./text";

export const createPauseSchema = z
  .strictObject({
    task: z.string().min(1).max(64).optional().openapi({ description: "Jobs of this task." }),
    pool: plainText(256).optional().openapi({
      description: "Jobs of all projects in this pool: `provider/model`, or `task:name`. With the root key.",
      example: "openai/gpt-5-mini",
    }),
    everywhere: z.boolean().optional().openapi({
      description: "The task in all projects, and not in your own alone. With the root key.",
    }),
  })
  .refine(({ task, pool }) => task === undefined || pool === undefined, {
    message: "expected either task or pool, got both",
    path: ["pool"],
  })
  .refine(({ task, everywhere }) => everywhere === undefined || task !== undefined, {
    message: "goes with a task only: a pool is paused everywhere, a project is one",
    path: ["everywhere"],
  })
  .openapi("CreatePause");

export const pauseSchema = z
  .object({
    id: z.string().openapi({ example: "pau_01KAM2T2Q5W4R0E8Z6S3N7Y9XB" }),
    object: z.literal("pause"),
    scope: z.enum(PAUSE_SCOPES),
    name: z.string().nullable().openapi({ description: "Of the task or pool; null: the whole project." }),
    project: z.string().nullable().openapi({ description: "Null: the whole deployment." }),
    created_at: z.iso.datetime(),
    running: z.int().nullable().openapi({
      description:
        "Jobs it covers that still run; 0: drained. A project's key counts those of its project. Null: more than 100,000 jobs without a gate are due, too many to count.",
    }),
  })
  .openapi("Pause");

export function presentPause(pause: Pause, running: number | null): z.infer<typeof pauseSchema> {
  return {
    id: pause.id,
    object: "pause",
    scope: pause.scope,
    name: pause.scope === "project" ? null : pause.name,
    project: pause.projectId,
    created_at: new Date(pause.createdAt).toISOString(),
    running,
  };
}
