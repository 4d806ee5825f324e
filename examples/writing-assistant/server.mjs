// The backend of the page: it holds the key, and mints tokens for the person who is logged in.
import { Errand } from "errand";
import { CHANNEL } from "./src/channel.ts";

export function backend(baseUrl, key) {
  const errand = new Errand({ baseUrl, key });

  async function giveToken(request, response) {
    if (request.method !== "POST") return response.writeHead(405).end();
    // An app with a login looks here who it is.
    const grant = { channel: CHANNEL, allow: ["read", "submit"], tasks: ["generate"], ttl_s: 900 };
    try {
      const { token } = await errand.tokens.create(grant);
      response.writeHead(200, { "cache-control": "no-store" }).end(token);
    } catch (error) {
      response.writeHead(502).end(error.message);
    }
  }

  const serve = ({ middlewares }) => {
    middlewares.use("/token", giveToken);
  };
  return { name: "backend", configureServer: serve, configurePreviewServer: serve };
}
