// The OpenAPI 3.1 document at /openapi.json, and the page at /docs that shows it.

import { Scalar } from "@scalar/hono-api-reference";
import { version } from "../../package.json";
import type { App } from "./context";

export function documentRoutes(app: App): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description: "A key of a project, or a token from POST /v1/tokens.",
  });
  app.doc31("/openapi.json", (c) => ({
    openapi: "3.1.0",
    info: { title: "Errand", version, description: "Background jobs for LLM apps." },
    servers: [{ url: new URL(c.req.url).origin }],
  }));
  app.get("/docs", Scalar({ url: "/openapi.json", pageTitle: "Errand API" }));
  app.get("/", (c) => c.json({ name: "errand", version, docs: "/docs", openapi: "/openapi.json", health: "/health" }));
}
