// The bindings and settings of wrangler.toml, checked once; every problem is named at once.

import { z } from "zod";
import { AppError } from "./core/errors";
import type { Ticket } from "./core/gate/ticket";
import { TIMING, type Timing } from "./core/limits";
import type { Clock } from "./durable/clock";
import type { EventHub } from "./durable/event-hub";
import type { Gate } from "./durable/gate";
import type { JobLog } from "./durable/job-log";
import type { StreamLog } from "./durable/stream-log";
import { type Aliases, parseAliases } from "./llm/aliases";
import { type Catalogue, createCatalogue } from "./llm/models";
import { parseProviders } from "./llm/providers";

/** "Look at job `id` of project `p`". Names and numbers only. */
export type Doorbell = {
  p: string;
  id: string;
  /** The gate that is to be asked first, and what it needs to know. */
  gate?: { pool: string; ticket: Ticket };
};

export type Env = {
  DB: D1Database;
  BUCKET: R2Bucket;
  JOBS_QUEUE: Queue<Doorbell>;
  BULK_QUEUE: Queue<Doorbell>;
  DEAD_QUEUE: Queue<Doorbell>;
  EVENT_HUB: DurableObjectNamespace<EventHub>;
  CLOCK: DurableObjectNamespace<Clock>;
  GATE: DurableObjectNamespace<Gate>;
  STREAM_LOG: DurableObjectNamespace<StreamLog>;
  JOB_LOG: DurableObjectNamespace<JobLog>;
  TOKEN_RATE: RateLimit;
  PROVIDERS?: string;
  DEFAULT_MODEL?: string;
  MODEL_ALIASES?: string;
  TIMING?: string;
  RETENTION_DAYS?: string;
  MAX_OPEN_JOBS?: string;
  SANDBOX?: string;
  LOCAL_URLS?: string;
  CORS_ORIGINS?: string;
  ROOT_KEY?: string;
  TOKEN_SECRET?: string;
  ENCRYPTION_KEYS?: string;
};

/** A name and 32 bytes. */
export type EncryptionKey = { id: string; secret: Uint8Array };

/** What both roles need to know. */
export type Config = {
  catalogue: Catalogue;
  timing: Timing;
  /** How long an ended job is kept that does not say. */
  retentionMs: number;
  /** Open jobs a project may have. */
  maxOpenJobs: number;
  /** Whether a URL in a job's input may lead to this machine or a local network. */
  localUrls: boolean;
  /** The first one seals; all of them open. Empty: nothing is sealed. */
  encryptionKeys: EncryptionKey[];
};

/** What the API needs on top. */
export type ApiConfig = Config & {
  rootKey: string;
  tokenSecret: string;
};

const MIN_SECRET_LENGTH = 16;

/** Throws `not_configured` with every problem in its message. */
export function readConfig(env: Env): Config {
  const problems: string[] = [];
  const config = readShared(env, problems);
  return settled(config, problems);
}

/** As readConfig, with the secrets of the API. */
export function readApiConfig(env: Env): ApiConfig {
  const problems: string[] = [];
  const config = {
    ...readShared(env, problems),
    rootKey: readSecret(env.ROOT_KEY, "ROOT_KEY", problems),
    tokenSecret: readSecret(env.TOKEN_SECRET, "TOKEN_SECRET", problems),
  };
  return settled(config, problems);
}

function settled<T>(config: T, problems: string[]): T {
  if (problems.length === 0) return config;
  throw new AppError("not_configured", { message: `Errand is not configured. ${problems.join(" ")}` });
}

function readShared(env: Env, problems: string[]): Config {
  const parsed = parseProviders(env.PROVIDERS || "[]");
  if (!parsed.ok) problems.push(...parsed.problems.map((problem) => `${problem}.`));
  return {
    timing: readTiming(env.TIMING, problems),
    retentionMs: readNumber(env, "RETENTION_DAYS", { standard: 7, max: 3_650 }, problems) * DAY_MS,
    maxOpenJobs: readNumber(env, "MAX_OPEN_JOBS", { standard: 1_000_000, max: 100_000_000 }, problems),
    localUrls: readSwitch(env, "LOCAL_URLS", problems),
    encryptionKeys: readEncryptionKeys(env.ENCRYPTION_KEYS, problems),
    catalogue: createCatalogue({
      providers: parsed.ok ? parsed.value : [],
      aliases: readAliases(env.MODEL_ALIASES, problems),
      defaultModel: env.DEFAULT_MODEL || null,
      sandbox: readSwitch(env, "SANDBOX", problems),
    }),
  };
}

function readSwitch(env: Env, name: "SANDBOX" | "LOCAL_URLS", problems: string[]): boolean {
  const value = env[name];
  if (value !== undefined && value !== "on" && value !== "off" && value !== "") {
    problems.push(`${name}: expected "on" or "off", got "${value}".`);
  }
  return value === "on";
}

function readAliases(value: string | undefined, problems: string[]): Aliases {
  const parsed = parseAliases(value || "{}");
  if (parsed.ok) return parsed.value;
  problems.push(...parsed.problems.map((problem) => `${problem}.`));
  return {};
}

const seconds = z.number().min(0.1).max(3_600);

const timingSchema = z
  .strictObject({
    lease_s: seconds,
    ring_check_s: seconds,
    clock_pass_s: seconds,
    max_crashes: z.int().min(1).max(100),
  })
  .partial();

/** Throws nothing: what is wrong is told with the rest, and the defaults stand in. */
export function readTiming(value: string | undefined, problems: string[]): Timing {
  try {
    const given = timingSchema.parse(JSON.parse(value || "{}"));
    const ms = (s: number | undefined, standard: number) =>
      s === undefined ? standard : Math.round(s * 1_000);
    return {
      leaseMs: ms(given.lease_s, TIMING.leaseMs),
      ringCheckMs: ms(given.ring_check_s, TIMING.ringCheckMs),
      passEveryMs: ms(given.clock_pass_s, TIMING.passEveryMs),
      maxCrashes: given.max_crashes ?? TIMING.maxCrashes,
    };
  } catch {
    problems.push(
      'TIMING: expected a JSON object with some of lease_s, ring_check_s, clock_pass_s (0.1 to 3600) and max_crashes (1 to 100), such as {"lease_s": 60}.',
    );
    return TIMING;
  }
}

const DAY_MS = 86_400_000;

function readNumber(
  env: Env,
  name: "RETENTION_DAYS" | "MAX_OPEN_JOBS",
  { standard, max }: { standard: number; max: number },
  problems: string[],
): number {
  const value = Number(env[name] || standard);
  if (value > 0 && value <= max) return value;
  problems.push(`${name}: expected a number above 0, at most ${max}, got "${env[name]}".`);
  return standard;
}

const KEY_BYTES = 32;

/** `name:base64` of 32 bytes, separated by commas. */
function readEncryptionKeys(value: string | undefined, problems: string[]): EncryptionKey[] {
  const keys: EncryptionKey[] = [];
  for (const part of (value ?? "").split(",").filter((one) => one.trim() !== "")) {
    const [, id, base64] = /^\s*([\w-]{1,32}):([A-Za-z0-9+/]{43}=)\s*$/.exec(part) ?? [];
    const secret = base64 && decode(base64);
    if (id && secret && secret.byteLength === KEY_BYTES && !keys.some((key) => key.id === id)) {
      keys.push({ id, secret });
    } else {
      problems.push(
        "ENCRYPTION_KEYS: expected `name:key` pairs separated by commas, each key 32 bytes in base64 (openssl rand -base64 32), each name once.",
      );
    }
  }
  return keys;
}

function decode(base64: string): Uint8Array | null {
  try {
    return Uint8Array.fromBase64(base64);
  } catch {
    return null;
  }
}

function readSecret(value: string | undefined, name: string, problems: string[]): string {
  if (value === undefined || value === "") {
    problems.push(
      `${name} is not set: run \`npx wrangler secret put ${name}\` (local dev: \`npm run dev\` makes one).`,
    );
  } else if (value.length < MIN_SECRET_LENGTH) {
    problems.push(`${name} is too short: expected at least ${MIN_SECRET_LENGTH} characters.`);
  }
  return value ?? "";
}
