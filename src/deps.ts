// The only wiring: what engine/ and http/ are handed instead of the platform's bindings.

import { monotonicFactory } from "ulid";
import type { NewId } from "./core/ids";
import { type Config, type Doorbell, type Env, readConfig } from "./env";
import { type Log, log } from "./log";
import { createVault, type Vault } from "./store/vault";

export type Deps = {
  db: D1Database;
  bucket: R2Bucket;
  vault: Vault;
  jobsQueue: Queue<Doorbell>;
  bulkQueue: Queue<Doorbell>;
  hubs: Env["EVENT_HUB"];
  clock: Env["CLOCK"];
  gates: Env["GATE"];
  streams: Env["STREAM_LOG"];
  jobLogs: Env["JOB_LOG"];
  config: Config;
  now(): number;
  random(): number;
  newId: NewId;
  log: Log;
  /** For what must be done but not waited for. */
  background(promise: Promise<unknown>): void;
};

const nextUlid = monotonicFactory();

// Parsed once per isolate: the settings cannot change while it lives.
const configs = new WeakMap<Env, Config>();
const vaults = new WeakMap<Config, Vault>();

export function createDeps(env: Env, ctx: { waitUntil(promise: Promise<unknown>): void }): Deps {
  const config = configOf(env);
  return {
    db: env.DB,
    bucket: env.BUCKET,
    vault: vaultOf(config),
    jobsQueue: env.JOBS_QUEUE,
    bulkQueue: env.BULK_QUEUE,
    hubs: env.EVENT_HUB,
    clock: env.CLOCK,
    gates: env.GATE,
    streams: env.STREAM_LOG,
    jobLogs: env.JOB_LOG,
    config,
    now: Date.now,
    random: Math.random,
    newId: (prefix) => `${prefix}_${nextUlid()}`,
    log,
    background: (promise) => ctx.waitUntil(promise),
  };
}

function configOf(env: Env): Config {
  const config = configs.get(env) ?? readConfig(env);
  configs.set(env, config);
  return config;
}

function vaultOf(config: Config): Vault {
  const vault = vaults.get(config) ?? createVault(config.encryptionKeys);
  vaults.set(config, vault);
  return vault;
}
