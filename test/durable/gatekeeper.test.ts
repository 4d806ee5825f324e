import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SLOT_MS } from "../../src/core/gate/gate";
import type { Report } from "../../src/core/gate/report";
import { type Ticket, ticketOf } from "../../src/core/gate/ticket";
import { Gatekeeper } from "../../src/durable/gatekeeper";
import type { NewJob } from "../../src/store/submit";
import { type TestDeps, testDeps } from "../support/deps";
import { wrapDb } from "../support/faulty-db";
import { changeRow, storedJob } from "../support/rows";

const POOL = "acme/limited";

const DONE: Report = {
  ...{ outcome: "ok", sent: true, inputTokens: 10, outputTokens: 10 },
  ...{ retryAfterMs: null, announced: null },
};

/** A gate of its own memory, whose clock the test moves. */
function aGate(over: Partial<TestDeps> = {}, stored = new Map<string, unknown>()) {
  const clock = { now: 1_000_000 };
  const deps = testDeps({ now: () => clock.now, ...over });
  const store = {
    get: <T>(key: string) => stored.get(key) as T | undefined,
    put: (key: string, value: unknown) => void stored.set(key, value),
  };
  const keeper = new Gatekeeper(deps, POOL, store);
  const rung = () => deps.rung.splice(0).map(({ id }) => id);
  return { keeper, deps, clock, stored, rung };
}

async function inLine(over: Partial<NewJob> = {}): Promise<Ticket> {
  return ticketOf(await storedJob({ pool: POOL, ...over }));
}

beforeEach(async () => {
  await env.DB.exec("DELETE FROM jobs");
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});

afterEach(() => {
  vi.useRealTimers();
});

describe("a gate", () => {
  it("lets in as many as may call at once, and rings for the next when one has ended", async () => {
    const { keeper, clock, rung } = aGate();
    await keeper.limit({ concurrency: 2, rpm: 60_000 });
    const tickets = [await inLine(), await inLine(), await inLine()];
    clock.now += 10_000;
    const [first = "", , third = ""] = tickets.map(({ id }) => id);
    expect(await keeper.ask(tickets)).toEqual(["go", "go", "wait"]);
    expect(rung()).toEqual([]);
    await keeper.tell([{ id: first, report: DONE }]);
    expect(rung()).toEqual([third]);
    expect(await keeper.ask(tickets.slice(2))).toEqual(["go"]);
  });

  it("finds the line in the database, though nobody has told it of any job", async () => {
    const { keeper, clock, rung } = aGate();
    await keeper.limit({ concurrency: 2, rpm: 60_000 });
    clock.now += 10_000;
    const tickets = [await inLine({ lane: "bulk" }), await inLine(), await inLine({ lane: "interactive" })];
    await keeper.nudge();
    await vi.advanceTimersByTimeAsync(0);
    await vi.waitFor(() => expect(rung()).toEqual([tickets[2]?.id, tickets[1]?.id]));
  });

  it("knows after a restart what runs, and lets nobody in beyond that", async () => {
    const { keeper, clock, stored } = aGate();
    await keeper.limit({ concurrency: 2, rpm: 60_000 });
    const running = await inLine();
    await changeRow(running.id, { state: "running", lease_until: 9e12 });
    const tickets = [await inLine(), await inLine()];
    const restarted = aGate({ now: () => clock.now }, stored);
    await restarted.keeper.view();
    clock.now += 10_000;
    expect(await restarted.keeper.ask(tickets)).toEqual(["go", "wait"]);
  });

  it.each([
    ["still waits", {}, "rung again"],
    ["has been cancelled meanwhile", { state: "cancelled", wake_at: null }, "given to nobody"],
    ["runs", { state: "running", lease_until: 9e12 }, "kept"],
  ])("asks about a slot whose time is over: its job %s", async (_what, row, then) => {
    const { keeper, clock, rung } = aGate();
    await keeper.limit({ concurrency: 1, rpm: 60_000 });
    clock.now += 10_000;
    const ticket = await inLine();
    expect(await keeper.ask([ticket])).toEqual(["go"]);
    await changeRow(ticket.id, row);
    clock.now += SLOT_MS + 1;
    await keeper.lookAround();
    clock.now += 10_000;
    await keeper.lookAround();
    const other = await inLine({ lane: "interactive" });
    const [answer] = await keeper.ask([other]);
    expect({ rung: rung(), answer }).toEqual(
      {
        "rung again": { rung: [ticket.id], answer: "wait" },
        "given to nobody": { rung: [], answer: "go" },
        kept: { rung: [], answer: "wait" },
      }[then],
    );
  });

  it("answers nobody while it cannot read what runs, and does when it can", async () => {
    const wrapped = wrapDb(env.DB);
    const { keeper, clock } = aGate({ db: wrapped.db });
    const ticket = await inLine();
    wrapped.fail(1);
    await expect(keeper.ask([ticket])).rejects.toMatchObject({ code: "store_unavailable" });
    await keeper.view();
    clock.now += 10_000;
    expect(await keeper.ask([ticket])).toEqual(["go"]);
  });

  it("goes by its overruled limits after a restart too, until the settings are to count again", async () => {
    const { keeper, clock, stored } = aGate();
    await keeper.limit({ concurrency: 1, rpm: 60_000 });
    const again = aGate({ now: () => clock.now }, stored);
    expect((await again.keeper.view()).limits.configured).toMatchObject({ concurrency: 1, rpm: 60_000 });
    await again.keeper.limit({ concurrency: null });
    expect((await again.keeper.view()).limits.configured).toMatchObject({ concurrency: 3, rpm: 120 });
  });

  it("lets the first job in at once after a pause, and not after a death in the middle of its work", async () => {
    const { keeper, clock, stored } = aGate();
    const [first, second] = [await inLine(), await inLine()];
    expect(await keeper.ask([first])).toEqual(["go"]);
    const afterDeath = aGate({ now: () => clock.now }, new Map(stored));
    expect(await afterDeath.keeper.ask([second])).toEqual(["wait"]);
    await keeper.tell([{ id: first.id, report: DONE }]);
    await changeRow(first.id, { state: "completed", wake_at: null });
    await changeRow(second.id, { state: "completed", wake_at: null });
    await keeper.lookAround();
    await keeper.lookAround();
    expect(keeper.isIdle).toBe(true);
    clock.now += 5_000;
    const afterPause = aGate({ now: () => clock.now }, new Map(stored));
    expect(await afterPause.keeper.ask([await inLine()])).toEqual(["go"]);
  });

  it("is idle only when nobody waits and nobody runs", async () => {
    const { keeper } = aGate();
    await keeper.view();
    const ticket = await inLine();
    expect(keeper.isIdle).toBe(true);
    await keeper.ask([ticket]);
    expect(keeper.isIdle).toBe(false);
    await keeper.tell([{ id: ticket.id, report: DONE }]);
    expect(keeper.isIdle).toBe(true);
  });
});
