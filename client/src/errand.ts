// The client: an address, a way to show who asks, and what can be done.

import type { Fetch } from "./attempt.ts";
import { Batches } from "./batches.ts";
import { type Credential, fixed, type GetToken, renewable } from "./credential.ts";
import { Events } from "./events.ts";
import { Files } from "./files.ts";
import { type GenerateOptions, GenerateStream } from "./generate-stream.ts";
import { Http } from "./http.ts";
import { Jobs } from "./jobs.ts";
import { Operations } from "./operations.ts";
import { askHealth, Cache, Keys, Pools, Tokens, Usages } from "./service.ts";
import type { CallOptions } from "./submit-options.ts";
import type { GenerateInput } from "./task-types.ts";
import { TaskList } from "./tasks.ts";
import type { Health } from "./wire-service.ts";

export type ErrandOptions = {
  /** The address of the deployment: `https://errand.example.workers.dev`. */
  baseUrl: string;
  /** For servers. Frontends must not hold a key. */
  key?: string;
  /** A short-lived token, minted by your backend with `POST /v1/tokens`. */
  token?: string;
  /** Gives a token: asked at the first need, and again when the token has expired. */
  getToken?: GetToken;
  /** Default: the global one. */
  fetch?: Fetch;
  /** For each try of a request, in milliseconds. Default: 60,000. */
  timeoutMs?: number;
  /** How often a request is repeated that met a passing error. Default: 2. */
  maxRetries?: number;
  /** Lets a page hold a key, which everyone who opens it can read then. */
  dangerouslyAllowBrowser?: boolean;
};

export class Errand {
  readonly jobs: Jobs;
  readonly events: Events;
  readonly tasks: TaskList;
  readonly operations: Operations;
  readonly usage: Usages;
  readonly pools: Pools;
  readonly cache: Cache;
  readonly keys: Keys;
  readonly tokens: Tokens;
  readonly batches: Batches;
  readonly files: Files;
  private readonly http: Http;

  constructor(options: ErrandOptions) {
    const http = new Http({
      baseUrl: checkAddress(options.baseUrl),
      credential: toCredential(options),
      fetch: options.fetch ?? ((url, init) => globalThis.fetch(url, init)),
      timeoutMs: options.timeoutMs ?? 60_000,
      maxRetries: options.maxRetries ?? 2,
    });
    this.jobs = new Jobs(http);
    this.events = new Events(http);
    this.tasks = new TaskList(http);
    this.operations = new Operations(http);
    this.usage = new Usages(http);
    this.pools = new Pools(http);
    this.cache = new Cache(http);
    this.keys = new Keys(http);
    this.tokens = new Tokens(http);
    this.batches = new Batches(http);
    this.files = new Files(http);
    this.http = http;
  }

  /**
   * Submits a job of the task `generate`, and tells what it says over the same connection, however often that is lost.
   * Leaving it hangs up; `jobs.cancel((await stream.job).id)` ends the job.
   */
  generate(input: GenerateInput, options: GenerateOptions = {}): GenerateStream {
    return new GenerateStream(this.http, input, options);
  }

  /** How each dependency of the service is. That it is down is an answer, and no error. */
  health(options: CallOptions = {}): Promise<Health> {
    return askHealth(this.http, options);
  }
}

/** Without the slash at its end. */
function checkAddress(baseUrl: string): string {
  if (!/^https?:\/\/[^/]/.test(String(baseUrl)) || !URL.canParse(baseUrl))
    throw new TypeError(
      `baseUrl must be the address of your deployment, such as "https://errand.example.workers.dev"; it is ${JSON.stringify(baseUrl)}.`,
    );
  return baseUrl.replace(/\/+$/, "");
}

function toCredential(options: ErrandOptions): Credential {
  const { key, token, getToken, dangerouslyAllowBrowser = false } = options;
  const given = Object.entries({ key, token, getToken }).filter(([, value]) => value !== undefined);
  if (given.length !== 1) throw new TypeError(tellChoice(given.map(([name]) => name)));
  if (getToken !== undefined) return renewable(getToken);
  if (key === undefined) return fixed(checkText("token", token), false);
  if (isBrowser() && !dangerouslyAllowBrowser)
    throw new TypeError(
      "A key in a browser can be read by everyone who opens the page. Let your backend mint a token (POST /v1/tokens) and " +
        "give `getToken` instead of `key`; or set dangerouslyAllowBrowser if nobody else can open this page.",
    );
  return fixed(checkText("key", key), true);
}

function tellChoice(given: string[]): string {
  const choice = "Give exactly one of `key` (on servers), `token` or `getToken` (in browsers)";
  if (given.length > 0) return `${choice}; there are ${given.join(" and ")}.`;
  return `${choice}; there is none. Is an environment variable missing?`;
}

function checkText(name: string, value: unknown): string {
  if (typeof value === "string" && value !== "") return value;
  throw new TypeError(`\`${name}\` is empty. Is an environment variable missing?`);
}

function isBrowser(): boolean {
  return "window" in globalThis && "document" in globalThis;
}
