// The whole path against a real `wrangler dev`, as `npm run dev` starts it, with a local HTTP server as the provider.

import { afterAll, beforeAll } from "vitest";
import { type DevServer, startDev } from "../../scripts/dev-server.mjs";
import { tempFolder } from "../support/project-copy.mjs";
import { type Provider, startProvider } from "../support/provider-server.mjs";
import { createReport } from "../support/report";
import { type Stage, testScenarios } from "../support/scenarios";
import { testConnectionScenarios } from "../support/scenarios-provider";
import { Service } from "../support/service";

const report = createReport("wrangler dev");
const state = tempFolder();
let provider: Provider;
let server: DevServer;
let stage: Stage;

beforeAll(async () => {
  provider = await startProvider();
  const env = { PROVIDERS: JSON.stringify([{ name: "local", base_url: provider.url }]) };
  server = await startDev({ port: 0, persistTo: state.folder, env, quiet: true });
  stage = { service: new Service(server.url, server.key), provider, measured: report.add };
});

afterAll(async () => {
  await server?.stop();
  await provider?.stop();
  state.remove();
  report.print();
});

testScenarios(() => stage);
testConnectionScenarios(() => stage);
