// Submits jobs in the name of a caller: a key submits as it likes, a browser token within what it was made for.

import { AppError } from "../core/errors";
import type { Deps } from "../deps";
import { enqueue, type Submission, type Submitted } from "../engine/enqueue";
import type { Env } from "../env";
import { returnTokenUses, takeTokenUses } from "../store/token-uses";
import type { TokenCaller } from "./caller";
import type { HttpContext } from "./context";

/** Of the rate limit in wrangler.toml; a limiter does not say when it will let the next one pass. */
const RATE_PERIOD_MS = 10_000;

/** Throws what enqueue throws, and `rate_limited` or `token_exhausted` for tokens. */
export async function submitAs(
  c: HttpContext,
  request: Omit<Submission, "projectId" | "keyId">,
): Promise<Submitted> {
  const { caller, deps } = c.var;
  const submission = { ...request, projectId: caller.projectId, keyId: caller.keyId ?? undefined };
  if (caller.kind !== "token") return enqueue(deps, submission);
  await checkRate(c.env, caller);
  const limits = { channel: caller.channel, tasks: caller.tasks, models: caller.models };
  const { maxJobs } = caller;
  if (maxJobs === null) return enqueue(deps, { ...submission, limits });
  let taken = 0;
  const beforeInsert = async (count: number) => {
    await takeUses(deps, { ...caller, maxJobs }, count);
    taken = count;
  };
  try {
    return await enqueue(deps, { ...submission, limits, beforeInsert });
  } catch (error) {
    // Unless they may have been stored all the same.
    const isUnknown = error instanceof AppError && error.jobIds !== null;
    if (taken > 0 && !isUnknown) deps.background(returnTokenUses(deps.db, caller.id, taken));
    throw error;
  }
}

async function checkRate(env: Env, token: TokenCaller): Promise<void> {
  const { success } = await env.TOKEN_RATE.limit({ key: token.id });
  if (success) return;
  const message = "This token submits too often: 60 requests in 10 seconds are allowed.";
  throw new AppError("rate_limited", { message, retryAfterMs: RATE_PERIOD_MS });
}

type LimitedToken = { id: string; maxJobs: number; expiresAt: number };

async function takeUses(deps: Deps, { id, maxJobs, expiresAt }: LimitedToken, count: number): Promise<void> {
  if (count === 0 || (await takeTokenUses(deps.db, { id, maxJobs, expiresAt }, count))) return;
  throw new AppError("token_exhausted");
}
