// Three test projects: plain code in Node, the Worker inside workerd, and real processes from outside.

import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";

const inFolders = (...folders: string[]) => folders.map((folder) => `test/${folder}/**/*.test.ts`);

// Each worker of the second project is a workerd with a thread of its own besides Node's.
const maxWorkers = Math.max(2, Math.floor(navigator.hardwareConcurrency / 2));

// More than 1: every fault at every operation, longer walks, more fuzzing (npm run test:faults).
type Environment = { process?: { env?: Record<string, string | undefined> } };
const { FAULT_ROUNDS = "1", FAULT_SEED = "" } = (globalThis as Environment).process?.env ?? {};

// Every setting is named, because the test runner lays a developer's .dev.vars over wrangler.toml.
const bindings = {
  ROOT_KEY: "errand_root_00000000000000000000000000000000",
  TOKEN_SECRET: "0000000000000000000000000000000000000000000000000000000000000000",
  SANDBOX: "on",
  LOCAL_URLS: "off",
  PROVIDERS: "[]",
  DEFAULT_MODEL: "",
  MODEL_ALIASES: "{}",
  CORS_ORIGINS: "*",
  TIMING: "{}",
  RETENTION_DAYS: "7",
  MAX_OPEN_JOBS: "1000000",
  ENCRYPTION_KEYS: "",
  FAULT_ROUNDS,
  FAULT_SEED,
};

export default defineConfig(async () => ({
  test: {
    // What is logged is shown for failing tests only; of the Workers project see test/support/setup.ts.
    silent: "passed-only" as const,
    projects: [
      {
        test: {
          name: "unit",
          environment: "node",
          include: inFolders("core", "contract", "llm", "tasks", "rules", "scripts", "react", "cli"),
          maxWorkers,
          sequence: { groupOrder: 0 },
        },
      },
      {
        plugins: [
          cloudflareTest({
            main: "./src/worker.ts",
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: { bindings: { ...bindings, TEST_MIGRATIONS: await readD1Migrations("./migrations") } },
          }),
        ],
        test: {
          name: "workers",
          include: inFolders(
            "store",
            "engine",
            "durable",
            "http",
            "flows",
            "faults",
            "client",
            "documents",
            "net",
          ),
          setupFiles: ["./test/support/setup.ts"],
          testTimeout: 15_000,
          maxWorkers,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "e2e",
          environment: "node",
          include: inFolders("e2e"),
          testTimeout: 90_000,
          hookTimeout: 90_000,
          // Each file runs whole processes: one at a time, after the rest.
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
}));
