// Errand inside wrangler's test harness: several Workers, or another `main`, with an HTTP address.

import { vi } from "vitest";
import type { TestHarness } from "wrangler";
import type { Provider } from "./provider-server.mjs";
import { Service } from "./service";

const ROOT_KEY = "errand_root_of_the_test_harness";

export type Harness = { service: Service; server: TestHarness; stop(): Promise<void> };

/** `configs`: names in test/support/split; the first Worker takes the requests. */
export async function startHarness(configs: string[], provider: Provider): Promise<Harness> {
  const vars = {
    ROOT_KEY,
    TOKEN_SECRET: "secret of the test harness",
    SANDBOX: "on",
    PROVIDERS: JSON.stringify([{ name: "local", base_url: provider.url }]),
  };
  const workers = configs.map((name) => ({ configPath: `test/support/split/${name}.toml`, vars }));
  // Read when wrangler is loaded: without it there is a line for each message of a queue.
  vi.stubEnv("WRANGLER_LOG", "error");
  const { createTestHarness } = await import("wrangler");
  const server = createTestHarness({ workers });
  const { url } = await server.listen();
  await server.getWorker().applyD1Migrations("DB");
  return { service: new Service(url.origin, ROOT_KEY), server, stop: () => server.close() };
}
