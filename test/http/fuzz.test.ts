import { listDurableObjectIds, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { ROUNDS, SEED } from "../support/fault-rounds";
import {
  addressOf,
  type Credential,
  createOwner,
  type Owner,
  pathnameOf,
  remember,
  send,
} from "../support/fuzz-client";
import { call, mint, ROOT_KEY, TOKEN_SECRET } from "../support/http-client";
import { FLAVOURS, type Flavour, requestsTo } from "../support/openapi-arbitraries";
import {
  narrowed,
  type OpenApi,
  type Operation,
  operationAt,
  operationsOf,
  type TaskInput,
} from "../support/openapi-document";
import { expectSound } from "../support/sound-answer";

// All of this comes from what the running Worker says of itself: a new route or task is fuzzed from its first day.
const { body: document } = await call<OpenApi>("GET", "/openapi.json", { key: null });
const { body: tasks } = await call<{ data: TaskInput[] }>("GET", "/v1/tasks");
const { components } = document;
const operations = operationsOf(document);
const narrower = narrowed(document, tasks.data);
const narrowScope = { components: narrower.components };
const cases = operationsOf(narrower).map((operation): Case => {
  return [operation.name, { operation, requests: requestsTo(operation, narrowScope) }];
});

type Target = { operation: Operation; requests: ReturnType<typeof requestsTo> };
type Case = [string, Target];

/** Forged, broken, of another kind, or nearly the root key. */
const BAD_CREDENTIALS = [
  ...["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer eyJ.a.", "Bearer eyJhbGciOiJub25lIn0.e30."],
  ...[`Basic ${ROOT_KEY}`, `Bearer ${ROOT_KEY}x`, `Bearer ${ROOT_KEY.slice(0, -1)}`, `Bearer x ${ROOT_KEY}`],
  `Bearer ${"x".repeat(8_000)}`,
];

const TIME = 60_000 * ROUNDS;

const secrets = new Set([ROOT_KEY, TOKEN_SECRET]);
let root: Owner;
let tenant: Owner;

beforeAll(async () => {
  [root, tenant] = await Promise.all([createOwner("default"), createOwner("fuzz")]);
  secrets.add(tenant.key);
});

type Seen = { flavour: Flavour; status: number; secured: boolean };

/** Sends so many requests of each flavour, and checks every answer. */
async function fuzz(
  { operation, requests }: Target,
  owner: Owner,
  credentials: fc.Arbitrary<Credential>,
  runs: Partial<Record<Flavour, number>>,
): Promise<Seen[]> {
  const { method } = operation;
  const seen: Seen[] = [];
  for (const flavour of FLAVOURS.filter((one) => runs[one])) {
    const property = fc.asyncProperty(requests[flavour], credentials, async (request, credential) => {
      const path = await addressOf(operation, request, owner);
      const pathname = pathnameOf(path);
      const met = operationAt(operations, method, pathname);
      const answer = await send(method, path, request, credential);
      expectSound(answer, { operation: met, pathname, scope: { components } }, secrets);
      if (method === "POST") for (const one of remember(path, answer, owner)) secrets.add(one);
      seen.push({ flavour, status: answer.status, secured: met?.secured === true });
    });
    await fc.assert(property, { numRuns: (runs[flavour] ?? 0) * ROUNDS, seed: SEED });
  }
  return seen;
}

const each = (runs: number) => ({ valid: runs, "near-valid": runs, hostile: runs });
const holding = (key: string) => fc.constant({ key });

describe("whatever is sent", () => {
  it("goes to every operation of the document", () => {
    expect(operations.length).toBeGreaterThan(15);
    expect(cases.map(([name]) => name)).toEqual(operations.map((one) => one.name));
  });

  it.each(cases)(
    "%s answers the root key as the document says, and reaches success",
    async (_, target) => {
      const seen = await fuzz(target, root, holding(ROOT_KEY), each(20));
      const succeeded = () => seen.some(({ status }) => status < 300);
      // What the document cannot say may refuse one valid request, or some, but not all of very many.
      for (let more = 0; more < 40 && !succeeded(); more++) {
        seen.push(...(await fuzz(target, root, holding(ROOT_KEY), { valid: 10 })));
      }
      expect(succeeded()).toBe(true);
    },
    TIME,
  );

  it.each(cases)(
    "%s answers the key of a project as the document says",
    async (_, target) => {
      await fuzz(target, tenant, holding(tenant.key), each(12));
    },
    TIME,
  );

  it.each(cases)(
    "%s answers the token of a browser as the document says",
    async (_, target) => {
      // One for each, because how often a token may submit is limited.
      const token = await mint({ channel: "c", allow: ["read", "submit"] }, tenant.key);
      secrets.add(token);
      await fuzz(target, tenant, holding(token), each(10));
    },
    TIME,
  );

  it.each(cases)(
    "%s lets nobody in without a good credential, unless it is open to all",
    async (_, target) => {
      const bad = fc.constantFrom(undefined, ...BAD_CREDENTIALS);
      const nobody = bad.map((authorization) => ({ key: null, authorization }));
      const seen = await fuzz(target, root, nobody, each(8));
      for (const { flavour, status } of seen.filter(({ secured }) => secured)) {
        expect(flavour === "valid" ? [401] : [400, 401, 404, 405, 413, 415]).toContain(status);
      }
    },
    TIME,
  );
});

describe("what was sent", () => {
  it(
    "leaves pauses that can be ended, each by its id",
    async () => {
      for (const { key } of [root, tenant]) {
        const { body } = await call<{ data: { id: string; project: string | null }[] }>("GET", "/v1/pauses", {
          key,
        });
        const own = body.data.filter(({ project }) => project !== null || key === ROOT_KEY);
        for (const { id } of own)
          expect((await call("DELETE", `/v1/pauses/${id}`, { key })).status).toBe(204);
      }
      expect(await env.DB.prepare("SELECT COUNT(*) AS count FROM pauses").first("count")).toBe(0);
    },
    TIME,
  );

  it(
    "leaves no socket open",
    async () => {
      const hubs = (await listDurableObjectIds(env.EVENT_HUB)).map((id) => env.EVENT_HUB.get(id));
      expect(hubs.length).toBeGreaterThan(0);
      for (const hub of hubs) {
        await vi.waitFor(async () => expect(await runInDurableObject(hub, openSockets)).toBe(0), 10_000);
      }
    },
    TIME,
  );

  it(
    "leaves nothing to do: what was taken in is put off, or has ended",
    async () => {
      // A pass of the clock that is under way when the file ends would keep vitest from ending.
      for (const id of await listDurableObjectIds(env.CLOCK)) await runDurableObjectAlarm(env.CLOCK.get(id));
      const due = env.DB.prepare(
        "SELECT COUNT(*) AS due FROM jobs WHERE wake_at <= unixepoch('subsec') * 1000",
      );
      await vi.waitFor(async () => expect(await due.first("due")).toBe(0), 10_000);
    },
    TIME,
  );
});

const openSockets = (_: object, state: DurableObjectState) => state.getWebSockets().length;
