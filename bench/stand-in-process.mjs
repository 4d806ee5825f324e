// Starts the stand-in model server (stand-in.mjs) as a process of its own and talks to it.
import { fileURLToPath } from "node:url";
import { startGroup, stopGroup } from "../scripts/processes.mjs";
import { eachLine } from "../scripts/terminal.mjs";
import { createClient } from "./http-client.mjs";

const SCRIPT = fileURLToPath(new URL("./stand-in.mjs", import.meta.url));

export async function startStandIn() {
  const child = startGroup("node", [SCRIPT], { stdio: ["ignore", "pipe", "inherit"] });
  const port = await new Promise((resolve, reject) => {
    eachLine(child.stdout, (line) => resolve(line.replace("LISTENING ", "")));
    child.ended.then(() => reject(new Error("The stand-in model server ended before it was ready.")));
  });
  const url = `http://127.0.0.1:${port}`;
  const client = createClient({ url });
  return {
    baseUrl: `${url}/v1`,
    /** Sets the latency, and what else the stand-in takes, and forgets what was. */
    reset: (latencyMs, settings = {}) => client.post("/reset", { latency_ms: latencyMs, ...settings }),
    /** Lets answers begin whose pace says that they wait for it. */
    begin: () => client.post("/begin"),
    limits: async () => JSON.parse((await client.get("/limits")).body),
    log: async () => JSON.parse((await client.get("/log")).body),
    stop: async () => {
      client.close();
      await stopGroup(child);
    },
  };
}
