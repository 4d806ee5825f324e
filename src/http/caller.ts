// Who is asking, and what that lets them do.

import { AppError } from "../core/errors";
import type { Job } from "../core/job";
import type { Allowance, Scope } from "../core/scopes";

/** A key of a project, or the root key, which acts on the project `default` and has no `keyId`. */
export type KeyCaller = { kind: "root" | "key"; projectId: string; keyId: string | null; scopes: Scope[] };

/** A short-lived token for frontends: of one channel, or one job. */
export type TokenCaller = {
  kind: "token";
  projectId: string;
  id: string;
  /** The key that minted it; null: the root key. */
  keyId: string | null;
  allow: Allowance[];
  channel: string | null;
  job: string | null;
  tasks: string[] | null;
  models: string[] | null;
  maxJobs: number | null;
  expiresAt: number;
};

export type Caller = KeyCaller | TokenCaller;

/** What a route needs: a scope of keys, and the allowance with which a token may call it too; null: keys only. */
export type Access = { scope: Scope; token: Allowance | null };

/** Throws `forbidden` unless the caller has what the route needs. */
export function checkAccess(caller: Caller, access: Access): void {
  if (caller.kind === "token") {
    if (access.token === null)
      throw new AppError("forbidden", { message: "A token may not do that. Use a key." });
    if (!caller.allow.includes(access.token)) {
      throw new AppError("forbidden", { message: `This token does not allow "${access.token}".` });
    }
    return;
  }
  if (!caller.scopes.includes(access.scope) && !caller.scopes.includes("admin")) {
    throw new AppError("forbidden", { message: `This key lacks the scope ${access.scope}.` });
  }
}

/** Throws `forbidden` for tokens. */
export function checkKey(caller: Caller): void {
  if (caller.kind === "token")
    throw new AppError("forbidden", { message: "A token may not do that. Use a key." });
}

/** Throws `forbidden` for all but the root key. */
export function checkRoot(caller: Caller): void {
  if (caller.kind !== "root") throw new AppError("forbidden", { message: "Only the root key may do that." });
}

/**
 * Throws `not_found` for a job that the caller's token is not about: what it may not see does not exist. A token of one job
 * sees the job's children too.
 */
export function checkVisible(caller: Caller, job: Pick<Job, "id" | "channel" | "parentId">): void {
  if (caller.kind !== "token") return;
  const visible =
    caller.job === null ? job.channel === caller.channel : [job.id, job.parentId].includes(caller.job);
  if (!visible) throw new AppError("not_found");
}

/** The project, if the caller may name it: the root key any, a key its own. All others do not exist for it. */
export function checkProject(caller: Caller, project: string): string {
  if (caller.kind !== "root" && project !== caller.projectId) throw new AppError("not_found");
  return project;
}
