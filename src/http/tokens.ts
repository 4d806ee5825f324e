// Browser tokens: JWTs signed with TOKEN_SECRET, which carry all they allow. Nothing is stored.

import { sign, verify } from "hono/jwt";
import { z } from "zod";
import { AppError } from "../core/errors";
import { ALLOWANCES } from "../core/scopes";
import type { TokenCaller } from "./caller";

const claimsSchema = z.object({
  iss: z.literal("errand"),
  jti: z.string(),
  exp: z.number(),
  project: z.string(),
  // Tokens minted before there were budgets have none.
  key: z.string().nullable().default(null),
  allow: z.array(z.enum(ALLOWANCES)),
  channel: z.string().nullable(),
  job: z.string().nullable(),
  tasks: z.array(z.string()).nullable(),
  models: z.array(z.string()).nullable(),
  max_jobs: z.number().nullable(),
});

type TokenGrant = Omit<TokenCaller, "kind">;

/** `expiresAt` in milliseconds since 1970; the token itself counts whole seconds. */
export function signToken(secret: string, grant: TokenGrant): Promise<string> {
  const claims: z.infer<typeof claimsSchema> = {
    iss: "errand",
    jti: grant.id,
    exp: Math.floor(grant.expiresAt / 1_000),
    project: grant.projectId,
    key: grant.keyId,
    allow: grant.allow,
    channel: grant.channel,
    job: grant.job,
    tasks: grant.tasks,
    models: grant.models,
    max_jobs: grant.maxJobs,
  };
  return sign(claims, secret, "HS256");
}

/** Throws `unauthorized` for a token that is forged, expired or not ours. */
export async function readToken(secret: string, token: string, nowMs: number): Promise<TokenCaller> {
  const claims = await verified(secret, token);
  if (claims.exp * 1_000 <= nowMs)
    throw new AppError("unauthorized", { message: "This token has expired. Mint a new one." });
  return {
    kind: "token",
    projectId: claims.project,
    id: claims.jti,
    keyId: claims.key,
    allow: claims.allow,
    channel: claims.channel,
    job: claims.job,
    tasks: claims.tasks,
    models: claims.models,
    maxJobs: claims.max_jobs,
    expiresAt: claims.exp * 1_000,
  };
}

async function verified(secret: string, token: string) {
  try {
    return claimsSchema.parse(await verify(token, secret, { alg: "HS256", exp: false }));
  } catch (error) {
    throw new AppError("unauthorized", { message: "This token is not valid.", cause: error });
  }
}
