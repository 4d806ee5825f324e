// Tells `cloudflare:workers` and `cloudflare:test` what this Worker's bindings are called.

type WorkerEnv = import("../../src/env").Env;

declare namespace Cloudflare {
  interface Env extends WorkerEnv {
    TEST_MIGRATIONS: import("cloudflare:test").D1Migration[];
    /** How much the tests of faults try: "1" a sample, more: everything. */
    FAULT_ROUNDS: string;
    FAULT_SEED: string;
  }
  interface GlobalProps {
    mainModule: typeof import("../../src/worker");
  }
}
