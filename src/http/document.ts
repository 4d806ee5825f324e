// The OpenAPI 3.1 document at /openapi.json, and the page at /docs that shows it.

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
  app.get("/docs", (c) => c.html(PAGE));
  app.get("/", (c) =>
    c.json({ name: "errand", version, docs: "/docs", openapi: "/openapi.json", health: "/health" }),
  );
}

// Scalar's viewer, 3.5 MB, from a CDN rather than from this Worker. People type keys into this page, so it is pinned by
// its hash: a file that was changed does not run.
const VIEWER = "https://cdn.jsdelivr.net/npm/@scalar/api-reference@1.46.4/dist/browser/standalone.js";
const VIEWER_HASH = "sha384-BbTs28WithFYxTDCiH0YPK5tv3MflhBVpABoMjfb9UqXa/hegSE9I4THoddKejMF";

/** Nothing but the reference: no assistant, no toolbar, no fonts or telemetry from elsewhere. */
const SETTINGS = JSON.stringify({
  url: "/openapi.json",
  authentication: { preferredSecurityScheme: "bearer" },
  agent: { disabled: true },
  showDeveloperTools: "never",
  hideClientButton: true,
  withDefaultFonts: false,
  telemetry: false,
});

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Errand API</title>
</head>
<body>
<script id="api-reference" data-configuration='${SETTINGS}'></script>
<script src="${VIEWER}" integrity="${VIEWER_HASH}" crossorigin="anonymous"
  onerror="document.body.innerHTML = '<p>The viewer could not be loaded. The document itself: <a href=/openapi.json>/openapi.json</a></p>'"></script>
</body>
</html>`;
