// The packed client, installed in a folder of its own, beside a running Errand: both for one test file.

import { afterAll, beforeAll } from "vitest";
import { type DevServer, startDev } from "../../scripts/dev-server.mjs";
import { type InstalledClient, installClient } from "./client-package.mjs";
import { tempFolder } from "./project-copy.mjs";

export const installed = {} as { client: InstalledClient; server: DevServer };

const state = tempFolder();

beforeAll(async () => {
  installed.client = await installClient();
  installed.server = await startDev({ port: 0, persistTo: state.folder, quiet: true });
});

afterAll(async () => {
  await installed.server?.stop();
  installed.client?.remove();
  state.remove();
});
