// The whole path with the API and the consumer as two Workers: nothing may lean on their sharing an isolate.

import { afterAll, beforeAll } from "vitest";
import { type Harness, startHarness } from "../support/harness";
import { type Provider, startProvider } from "../support/provider-server.mjs";
import { createReport } from "../support/report";
import { type Stage, testScenarios } from "../support/scenarios";

const report = createReport("two Workers");
let provider: Provider;
let harness: Harness;
let stage: Stage;

beforeAll(async () => {
  provider = await startProvider();
  harness = await startHarness(["api", "consumer"], provider);
  stage = { service: harness.service, provider, measured: report.add };
});

afterAll(async () => {
  await harness?.stop();
  await provider?.stop();
  report.print();
});

testScenarios(() => stage);
