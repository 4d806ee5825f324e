// The API without a platform around it, for what it says of itself.

import type { Env } from "../../src/env";
import { createApp } from "../../src/http/app";

/** Of the bindings, the document needs none but a database that says it is migrated. */
const env = {
  ROOT_KEY: "a root key of good length",
  TOKEN_SECRET: "a secret of good length",
  DB: { prepare: () => ({ bind: () => ({ first: async () => 1 }) }) },
} as unknown as Env;

const ctx = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} };

export async function get(path: string): Promise<Response> {
  return createApp().request(`https://jobs.example${path}`, {}, env, ctx as unknown as ExecutionContext);
}
