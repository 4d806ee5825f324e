// What keys and tokens may do.

/** Of a key. `admin` includes the others, and the keys of its own project. */
export const SCOPES = ["jobs:read", "jobs:write", "streams:read", "streams:write", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** Of a browser token. */
export const ALLOWANCES = ["read", "submit"] as const;
export type Allowance = (typeof ALLOWANCES)[number];
