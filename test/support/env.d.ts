// Tells `cloudflare:workers` and `cloudflare:test` what this Worker's bindings are called.

type WorkerEnv = import("../../src/env").Env;

declare namespace Cloudflare {
  interface Env extends WorkerEnv {
    TEST_MIGRATIONS: import("cloudflare:test").D1Migration[];
    FAULT_ROUNDS: string;
  }
  interface GlobalProps {
    mainModule: typeof import("../../src/worker");
  }
}
