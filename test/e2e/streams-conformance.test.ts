// The public conformance suite of the Durable Streams protocol, against the real Worker.

import { runConformanceTests } from "@durable-streams/server-conformance-tests";
import { afterAll, beforeAll, vi } from "vitest";
import { startDev } from "../../scripts/dev-server.mjs";
import { startProxy } from "../support/conformance-proxy.mjs";
import { tempFolder } from "../support/project-copy.mjs";

// Some cases wait for a long-poll to run out.
vi.setConfig({ testTimeout: 40_000 });

const suite = { baseUrl: "", longPollTimeoutMs: 30_000 };
const stops: (() => unknown)[] = [];

beforeAll(async () => {
  const state = tempFolder();
  const dev = await startDev({ port: 0, persistTo: state.folder, quiet: true });
  const proxy = await startProxy(dev.url, dev.key);
  suite.baseUrl = proxy.url;
  stops.push(proxy.stop, dev.stop, state.remove);
});

afterAll(async () => {
  for (const stop of stops) await stop();
});

runConformanceTests(suite);
