// What `errand doctor` looks at, in this order; a later check builds on what an earlier one has found.

import { Errand } from "../errand.ts";
import { AuthenticationError, NotFoundError, PermissionError } from "../errors.ts";
import { listenBySocket } from "../socket.ts";
import type { Health, Scope } from "../wire-service.ts";
import { checkAddress } from "./address.ts";
import { EXIT } from "./command.ts";
import { isAway, tell } from "./failures.ts";

export type Finding = {
  state: "well" | "wrong" | "unchecked";
  says: string;
  todo?: string;
  /** Nothing after it can be well. */
  isEnd?: boolean;
  exitCode?: number;
};

export type Patient = {
  url: string | null;
  key: string | null;
  mayRun: boolean;
  signal: AbortSignal;
  health?: Health;
  scopes?: Scope[];
  token?: string;
};

type Check = (patient: Patient) => Promise<Finding[]>;

const well = (says: string): Finding[] => [{ state: "well", says }];
const wrong = (says: string, todo: string | undefined, more: Partial<Finding> = {}): Finding[] => [
  { state: "wrong", says, todo, ...more },
];
const unchecked = (says: string): Finding[] => [{ state: "unchecked", says }];

export const CHECKS: Record<string, Check> = {
  url: async ({ url }) => {
    const end = { isEnd: true, exitCode: EXIT.wrongUsage };
    if (url === null)
      return wrong("It is not known where Errand runs.", "Set ERRAND_URL, or give --url.", end);
    checkAddress(url);
    const isOpen = url.startsWith("http:") && !/^(localhost|127\.|\[::1\])/.test(new URL(url).host);
    return well(isOpen ? `${url} (without https the key can be read on the way)` : url);
  },

  service: async ({ url, signal }) => {
    try {
      const { version, status } = await openErrand(url).health({ signal });
      return well(`Errand ${version} answers: ${status}`);
    } catch (error) {
      const { what, todo } = tell(error);
      if (!isAway(error)) return wrong(what, todo ?? "See docs/operations.md: Deploy.", { isEnd: true });
      const advice = "Start it (npm run dev, npm run deploy), or mend ERRAND_URL.";
      return wrong(what, advice, { isEnd: true, exitCode: EXIT.noService });
    }
  },

  key: async (patient) => {
    const end = { isEnd: true, exitCode: EXIT.wrongUsage };
    if (patient.key === null) return wrong("There is no key.", "Set ERRAND_KEY.", end);
    try {
      patient.health = await keyed(patient).health({ signal: patient.signal });
      return well(`valid, ends in …${patient.key.slice(-4)}`);
    } catch (error) {
      if (!(error instanceof AuthenticationError)) throw error;
      const advice = "Set ERRAND_KEY to one that was not revoked: errand keys create makes one.";
      return wrong(tell(error).what, advice, { isEnd: true, exitCode: EXIT.noService });
    }
  },

  access: async (patient) => {
    const { scopes, project, isRoot } = await findAccess(patient);
    patient.scopes = scopes;
    const who = isRoot ? "the root key" : "a key";
    if (scopes.length === 0)
      return wrong(
        "The key may not work with jobs.",
        "Make one with jobs:read and jobs:write: errand keys create.",
      );
    return well(`${who} of project ${project ?? "?"}: ${scopes.join(", ")}`);
  },

  health: async ({ health }) => {
    const checks = Object.entries(health?.checks ?? {});
    const off = checks.filter(([, check]) => !check.ok);
    if (off.length === 0) return well(checks.map(([name]) => name).join(", "));
    return off.flatMap(([name, { reason }]) => wrong(`${name}: ${reason ?? "off"}`, ADVICE[name]));
  },

  models: async (patient) => {
    if (!patient.scopes?.includes("jobs:read")) return unchecked("the key lacks jobs:read");
    const { signal } = patient;
    const errand = keyed(patient);
    const [tasks, pools] = await Promise.all([errand.tasks.list({ signal }), errand.pools.list({ signal })]);
    const names = tasks.map(({ name }) => name).join(", ");
    if (tasks.length === 0) return wrong("There are no tasks.", "See docs/tasks.md.");
    if (patient.health?.checks?.models?.ok === false)
      return wrong("No model to run them with.", ADVICE.models);
    const limited = pools.map(({ id }) => id).join(", ") || "none";
    return well(`tasks ${names}; limited pools: ${limited}`);
  },

  events: async (patient) => {
    if (patient.token === undefined) return unchecked("the key lacks jobs:read");
    if (typeof globalThis.WebSocket !== "function")
      return unchecked("this Node.js has no WebSocket (22 has); the command line listens without one");
    const ms = await timeSocket(patient.url ?? "", patient.token);
    if (ms !== null) return well(`a WebSocket greets after ${ms} ms`);
    return wrong(
      "A WebSocket to /v1/events does not come about.",
      "Does something between here and Errand let only plain HTTP pass? Server-sent events are used then.",
    );
  },

  run: async (patient) => {
    if (!patient.mayRun) return unchecked("with --run a small job is run");
    const errand = keyed(patient);
    const input = { prompt: "Say hello in one word.", max_output_tokens: 64 };
    const started = Date.now();
    const job = await errand.jobs.run("generate", input, {
      signal: patient.signal,
      maxAttempts: 2,
      tags: ["doctor"],
    });
    const model = job.output.model;
    return well(`${job.id} on ${model} in ${((Date.now() - started) / 1_000).toFixed(1)} s`);
  },
};

const ADVICE: Record<string, string> = {
  database: "Apply the migrations: npx wrangler d1 migrations apply errand --remote.",
  objects: "Is the R2 bucket there, and bound in wrangler.toml?",
  jobs_queue: "Is the queue there, and bound in wrangler.toml?",
  bulk_queue: "Is the queue there, and bound in wrangler.toml?",
  events: "Are the Durable Objects of wrangler.toml deployed?",
  models: "Set PROVIDERS in wrangler.toml, or SANDBOX=on to try without a model.",
};

/** Without the key: who is away, and who refuses, is told apart. */
function openErrand(url: string | null): Errand {
  const fetch = (address: string, { headers: _, ...init }: RequestInit) => globalThis.fetch(address, init);
  return new Errand({ baseUrl: url ?? "", token: "none", fetch });
}

function keyed({ url, key }: Patient): Errand {
  return new Errand({ baseUrl: url ?? "", key: key ?? "" });
}

const CHANNEL = "errand-doctor";

/** A key can only mint what it may do itself, and the token tells its project. */
async function findAccess(patient: Patient) {
  const { keys, tokens } = keyed(patient);
  const { signal } = patient;
  const mint = (allow: "read" | "submit") =>
    unlessForbidden(
      async () => (await tokens.create({ channel: CHANNEL, allow: [allow], ttl_s: 60 }, { signal })).token,
    );
  const [read, write] = await Promise.all([mint("read"), mint("submit")]);
  patient.token = read ?? undefined;
  const claims = readClaims(read ?? write ?? "");
  const isAdmin =
    claims && (await unlessForbidden(async () => !!(await keys.list(claims.project, { signal }))));
  const scopes: Scope[] = [];
  if (read !== null) scopes.push("jobs:read");
  if (write !== null) scopes.push("jobs:write");
  if (isAdmin) scopes.push("admin");
  return { scopes, project: claims?.project ?? null, isRoot: claims?.key === null };
}

async function unlessForbidden<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof PermissionError || error instanceof NotFoundError) return null;
    throw error;
  }
}

function readClaims(token: string): { project: string; key: string | null } | null {
  try {
    return JSON.parse(atob((token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    return null;
  }
}

/** How long it takes until the first frame; null: there was none. */
async function timeSocket(url: string, token: string): Promise<number | null> {
  const started = Date.now();
  const hangUp = new AbortController();
  let ms: number | null = null;
  const hear = () => {
    ms ??= Date.now() - started;
    hangUp.abort();
  };
  const query = new URLSearchParams({ channel: CHANNEL, token });
  const base = url.replace(/^http/, "ws").replace(/\/+$/, "");
  await listenBySocket(`${base}/v1/events?${query}`, hear, hangUp.signal);
  return ms;
}
