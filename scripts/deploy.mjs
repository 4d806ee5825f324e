// npm run deploy: puts the service into your Cloudflare account, or updates it there. --yes asks nothing (for CI).
import { ask } from "./ask.mjs";
import { deploy } from "./deploy-steps.mjs";
import { ensureInstalled, ROOT } from "./install.mjs";
import { main, run, startGroup } from "./processes.mjs";
import { bold, say } from "./terminal.mjs";
import { readWranglerConfig } from "./wrangler-config.mjs";

/** Wrangler in the same environment; with `tty` it talks to the person itself. */
function createWrangler(env) {
  return async (args, { tty = false, env: extra = {} } = {}) => {
    const options = { cwd: ROOT, env: { ...env, ...extra } };
    if (!tty) return run("wrangler", args, options);
    const { code } = await startGroup("wrangler", args, { ...options, stdio: "inherit" }).ended;
    return { code, stdout: "", output: "See above." };
  };
}

function sayFirstSteps(url) {
  if (!url) return say("deployed; wrangler.toml gives it no public address (workers_dev or routes)");
  say(`${bold("ready")} ${url}`);
  say("try it:");
  say(`  curl ${url}/v1/jobs -H "Authorization: Bearer $ROOT_KEY" -H "Content-Type: application/json" \\`);
  say(`    -d '{"task": "generate", "input": {"prompt": "Write a haiku about queues."}}'`);
}

main(async () => {
  const installed = await ensureInstalled();
  const env = { ...installed, WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true" };
  const interactive = Boolean(process.stdin.isTTY) && !process.argv.includes("--yes");
  const config = readWranglerConfig(ROOT);
  const url = await deploy({ wrangler: createWrangler(env), ask, say, env, config, interactive });
  sayFirstSteps(url);
});
