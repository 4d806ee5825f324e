// What can be asked of the service itself: how it is, what it has used, who waits for which limit, who may come in.

import { toError } from "./errors.ts";
import type { Http } from "./http.ts";
import type { CallOptions } from "./submit-options.ts";
import type { List } from "./wire-lists.ts";
import type {
  ApiKey,
  Health,
  NewApiKey,
  Pool,
  PurgeBody,
  Purged,
  Scope,
  Token,
  TokenBody,
  UsageReport,
} from "./wire-service.ts";

export type UsageQuery = {
  /** The first day (UTC), such as 2026-01-31. Default: the first of this month. */
  from?: string;
  /** The last day. Default: today. */
  to?: string;
  /** Of `day`, `task`, `model`, `provider`, `key`, `tag`, `project`; or `job`, alone. Default: `day`. */
  groupBy?: readonly string[];
  /** The job, for `groupBy: ["job"]`. */
  job?: string;
  /** For the root key. */
  project?: string;
  /** Lines a page: up to 1,000. */
  limit?: number;
  /** `next_cursor` of the page before. */
  cursor?: string;
};

/** `errand.usage`: tokens and dollars. */
export class Usages {
  constructor(private readonly http: Http) {}

  /** Sums over every run that has used tokens, also failed, cancelled and lost ones. */
  report({ groupBy, signal, ...rest }: UsageQuery & CallOptions = {}): Promise<UsageReport> {
    const query = { ...rest, group_by: groupBy?.join(",") };
    return this.http.json({ method: "GET", path: "/v1/usage", query, signal });
  }
}

/** `errand.pools`: what is limited. */
export class Pools {
  constructor(private readonly http: Http) {}

  /** All of them, as they stand now. */
  async list({ signal }: CallOptions = {}): Promise<Pool[]> {
    return (await this.http.json<List<Pool>>({ method: "GET", path: "/v1/pools", signal })).data;
  }
}

/** `errand.cache`: answers that equal jobs share. */
export class Cache {
  constructor(private readonly http: Http) {}

  /** Up to 10,000 at a time: while `has_more`, ask again. */
  purge(body: PurgeBody, { signal }: CallOptions = {}): Promise<Purged> {
    return this.http.json({ method: "POST", path: "/v1/cache/purge", body, isIdempotent: true, signal });
  }
}

export type KeyOptions = {
  name?: string;
  /** Default: `jobs:read` and `jobs:write`. */
  scopes?: Scope[];
};

/** `errand.keys`: the keys of a project, for its `admin` and for the root key. */
export class Keys {
  constructor(private readonly http: Http) {}

  async list(project: string, { signal }: CallOptions = {}): Promise<ApiKey[]> {
    return (await this.http.json<List<ApiKey>>({ method: "GET", path: pathOf(project), signal })).data;
  }

  /** The answer holds the key itself, which nobody can look up later. Sent once: twice it could make two keys. */
  create(project: string, { signal, ...body }: KeyOptions & CallOptions = {}): Promise<NewApiKey> {
    return this.http.json({ method: "POST", path: pathOf(project), body, signal });
  }

  /** It stops working within 30 seconds. */
  revoke(project: string, id: string, { signal }: CallOptions = {}): Promise<void> {
    const path = `${pathOf(project)}/${encodeURIComponent(id)}`;
    return this.http.done({ method: "DELETE", path, isDoneWhenGone: true, signal });
  }
}

/** `errand.tokens`: for frontends, which must not hold a key. */
export class Tokens {
  constructor(private readonly http: Http) {}

  /** Nothing is stored, so that it may be asked for again. */
  create(body: TokenBody, { signal }: CallOptions = {}): Promise<Token> {
    return this.http.json({ method: "POST", path: "/v1/tokens", body, isIdempotent: true, signal });
  }
}

/** Being down is an answer to the question how it is. */
export function askHealth(http: Http, { signal }: CallOptions = {}): Promise<Health> {
  return http.read({ method: "GET", path: "/health", accepts: 503, signal }, readHealth);
}

async function readHealth(response: Response): Promise<Health> {
  const health = (await response
    .clone()
    .json()
    .catch(() => null)) as Partial<Health> | null;
  if (typeof health?.status === "string") return health as Health;
  throw await toError(response);
}

function pathOf(project: string): string {
  return `/v1/projects/${encodeURIComponent(project)}/keys`;
}
