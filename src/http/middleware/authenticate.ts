// Finds out who is asking: the root key, a project's key, or a browser token.

import { createMiddleware } from "hono/factory";
import { AppError } from "../../core/errors";
import type { Deps } from "../../deps";
import type { ApiConfig } from "../../env";
import { type ApiKey, findKeyByHash } from "../../store/keys";
import { type Access, type Caller, checkAccess, checkKey, checkRoot } from "../caller";
import type { HttpContext, HttpEnv } from "../context";
import { readToken } from "../tokens";

/** Warm, authentication costs no D1 read; a key that was revoked works for this long at the most. */
const REMEMBER_KEY_MS = 25_000;
const REMEMBER_MISS_MS = 5_000;
const REMEMBERED_KEYS = 2_000;

type Remembered = { key: ApiKey | null; until: number };

// Per database, because tests have several in one isolate. It says nothing about any job.
const caches = new WeakMap<D1Database, Map<string, Remembered>>();

/** Where browsers, which cannot set headers on a WebSocket or a download, may put their token into the address. */
const TOKEN_IN_QUERY = /^\/v1\/(events|jobs\/[^/]+(\/(events|output|stream))?)$/;

/** Finds out who is asking, and lets pass who may. */
export function allow(access: Access) {
  return guard((caller) => checkAccess(caller, access));
}

/** Finds out who is asking, and lets pass every key: the handler checks the scope. */
export const keysOnly = guard(checkKey);

/** Finds out who is asking, and lets pass the root key only. */
export const rootOnly = guard(checkRoot);

function guard(check: (caller: Caller) => void) {
  return createMiddleware<HttpEnv>(async (c, next) => {
    const caller = await identify(c.var.deps, c.var.config, credentialOf(c));
    check(caller);
    c.set("caller", caller);
    await next();
  });
}

/** Throws `unauthorized` when there is none. */
export function credentialOf(c: HttpContext): string {
  const header = c.req.header("authorization");
  const bearer = /^Bearer +(\S+)$/i.exec(header ?? "")?.[1];
  if (bearer) return bearer;
  const token = c.req.query("token");
  // Keys do not work there: addresses end up in logs.
  if (token && TOKEN.test(token) && c.req.method === "GET" && TOKEN_IN_QUERY.test(c.req.path)) return token;
  throw new AppError("unauthorized");
}

/** A JWT begins so: `{"` in base64. No key does. */
const TOKEN = /^eyJ[\w-]*\.[\w-]+\.[\w-]*$/;

/** Throws `unauthorized`. */
export async function identify(deps: Deps, config: ApiConfig, credential: string): Promise<Caller> {
  if (TOKEN.test(credential)) return readToken(config.tokenSecret, credential, deps.now());
  const hash = await sha256(credential);
  if (timingSafeEqual(hash, await sha256(config.rootKey))) {
    return { kind: "root", projectId: "default", keyId: null, scopes: ["admin"] };
  }
  const key = await lookUp(deps, toHex(hash));
  if (!key)
    throw new AppError("unauthorized", { message: "This key is not valid. It may have been revoked." });
  return { kind: "key", projectId: key.projectId, keyId: key.id, scopes: key.scopes };
}

async function lookUp(deps: Deps, hash: string): Promise<ApiKey | null> {
  const cache = caches.get(deps.db) ?? new Map<string, Remembered>();
  caches.set(deps.db, cache);
  const known = cache.get(hash);
  if (known && known.until > deps.now()) return known.key;
  const key = await findKeyByHash(deps.db, hash);
  // Full: forget the oldest entry (a Map keeps the order of insertion).
  if (cache.size >= REMEMBERED_KEYS) cache.delete(cache.keys().next().value ?? "");
  cache.delete(hash);
  cache.set(hash, { key, until: deps.now() + (key ? REMEMBER_KEY_MS : REMEMBER_MISS_MS) });
  return key;
}

/** The hash under which a key is stored. */
export async function hashKey(key: string): Promise<string> {
  return toHex(await sha256(key));
}

async function sha256(text: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
}

function timingSafeEqual(a: ArrayBuffer, b: ArrayBuffer): boolean {
  return crypto.subtle.timingSafeEqual(a, b);
}

function toHex(bytes: ArrayBuffer): string {
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
