// POST /v1/tokens: short-lived tokens for frontends, which must not hold a key.

import { createRoute } from "@hono/zod-openapi";
import { createTokenSchema, tokenSchema } from "../../contract/access";
import type { Allowance, Scope } from "../../core/scopes";
import { checkAccess } from "../caller";
import type { App } from "../context";
import { keysOnly } from "../middleware/authenticate";
import { bearer, body, failures, json } from "../responses";
import { signToken } from "../tokens";

const DEFAULT_TTL_S = 900;

/** What a key must be allowed itself. */
const SCOPE_OF: Record<Allowance, Scope> = { read: "jobs:read", submit: "jobs:write" };

const createToken = createRoute({
  method: "post",
  path: "/v1/tokens",
  summary: "Mint a token for a frontend",
  description:
    "Works as a Bearer token, and as `?token=` on a job, its events and its output. It can be for one channel (read, " +
    "submit and cancel there) or for one job (read). A key can only allow what it may do itself.",
  tags: ["Access"],
  security: bearer,
  middleware: keysOnly,
  request: body(createTokenSchema),
  responses: { 201: json(tokenSchema, "The token. It is not stored."), ...failures },
});

export function tokenRoutes(app: App): void {
  app.openapi(createToken, async (c) => {
    const { deps, caller, config } = c.var;
    const grant = c.req.valid("json");
    for (const one of grant.allow) checkAccess(caller, { scope: SCOPE_OF[one], token: null });
    const expiresAt = deps.now() + (grant.ttl_s ?? DEFAULT_TTL_S) * 1_000;
    const token = await signToken(config.tokenSecret, {
      projectId: caller.projectId,
      id: deps.newId("tok"),
      keyId: caller.kind === "token" ? null : caller.keyId,
      allow: [...new Set(grant.allow)],
      channel: grant.channel ?? null,
      job: grant.job ?? null,
      tasks: grant.tasks ?? null,
      models: grant.models ?? null,
      maxJobs: grant.max_jobs ?? null,
      expiresAt,
    });
    const exact = Math.floor(expiresAt / 1_000) * 1_000;
    return c.json({ token, expires_at: new Date(exact).toISOString() }, 201);
  });
}
