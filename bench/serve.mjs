// Serves a fresh Errand for the peers' harness (errand.profile.json): PORT, ROOT_KEY, MODEL_URL and DATA_DIR
// say how.
import { startDev } from "../scripts/dev-server.mjs";
import { main } from "../scripts/processes.mjs";
import { say } from "../scripts/terminal.mjs";
import { providerOf } from "./errand-server.mjs";

async function serve() {
  const { PORT, ROOT_KEY, MODEL_URL, DATA_DIR } = process.env;
  const env = { ROOT_KEY, PROVIDERS: providerOf(MODEL_URL) };
  const server = await startDev({ port: Number(PORT), persistTo: DATA_DIR, env, quiet: true });
  say(`READY ${server.url}`);
  await server.ended;
}

main(serve);
