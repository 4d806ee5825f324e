// What every handler finds in its context.

import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Deps } from "../deps";
import type { ApiConfig, Env } from "../env";
import type { Caller } from "./caller";

export type HttpEnv = {
  Bindings: Env;
  Variables: { requestId: string; config: ApiConfig; deps: Deps; caller: Caller };
};

export type App = OpenAPIHono<HttpEnv>;
export type HttpContext = Context<HttpEnv>;
