import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { call, finish, generate, later, open, slow, stop, untilState } from "../support/http-client";

function post(json: unknown, prefer: string, headers: Record<string, string> = {}) {
  return call("POST", "/v1/jobs", { json, headers: { prefer, ...headers } });
}

describe("Prefer: wait", () => {
  it("answers 200 with the finished job, its output and its attempts", async () => {
    const answer = await post(generate(), "wait=20");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("location")).toBe(`/v1/jobs/${answer.body.id}`);
    expect(answer.body).toMatchObject({ state: "completed", output: { text: "Hello" } });
    expect(answer.body.attempts).toHaveLength(1);
    expect((await call("GET", `/v1/jobs/${answer.body.id}`)).body).toEqual(answer.body);
  });

  it("answers 200 with a job that has failed", async () => {
    const answer = await post(generate({}, "sandbox/chat!status=400"), "wait=20");
    expect([answer.status, answer.body.state]).toEqual([200, "failed"]);
  });

  it("answers 200 with a job that somebody cancels meanwhile", async () => {
    const waiting = post(later({ tags: ["awaited"], channel: "awaited" }), "wait=20");
    const found = await untilListed("awaited");
    await call("POST", `/v1/jobs/${found}/cancel`);
    const answer = await waiting;
    expect([answer.status, answer.body.state, answer.body.id]).toEqual([200, "cancelled", found]);
  });

  it("answers 202 with the pending job when the time is over", async () => {
    const started = performance.now();
    const answer = await post(later(), "wait=1");
    expect([answer.status, answer.body.state]).toEqual([202, "pending"]);
    expect(performance.now() - started).toBeGreaterThanOrEqual(990);
  });

  it("answers 202 with a running job when the time is over", async () => {
    const answer = await post(slow(), "wait=1");
    expect([answer.status, answer.body.state]).toEqual([202, "running"]);
    await stop(answer.body.id);
  });

  it("answers at once when the job of the idempotency key has ended before", async () => {
    const headers = { "idempotency-key": "ended before" };
    const done = await finish(generate(), { headers });
    const answer = await post(generate(), "wait=20", headers);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual(done);
  });

  it("waits for a job that an equal request has made before", async () => {
    const headers = { "idempotency-key": "still to come" };
    const body = generate({}, "sandbox/chat!reply=Hi,ttft_ms=300");
    const first = await call("POST", "/v1/jobs", { json: body, headers });
    const second = await post(body, "wait=20", headers);
    expect([second.status, second.body.id]).toEqual([200, first.body.id]);
    expect(second.body.state).toBe("completed");
  });

  it.each(["respond-async", "wait", "wait=", "wait=soon", "wait=-5", "await=20", "handling=lenient", ""])(
    "ignores what it does not know: %j",
    async (prefer) => {
      expect((await post(later(), prefer)).status).toBe(202);
    },
  );

  it.each(["respond-async, wait=20", 'wait="20"', "WAIT = 20", "wait=20; foo", "wait=999999999999999999999"])(
    "finds it among others and in every spelling: %j",
    async (prefer) => {
      const answer = await post(generate({}, "sandbox/chat!reply=Hi,ttft_ms=100"), prefer);
      expect([answer.status, answer.body.state]).toEqual([200, "completed"]);
    },
  );

  it("cuts a wait of more than 60 seconds to 60", async () => {
    const waits: number[] = [];
    const setTimeoutAsIs = globalThis.setTimeout;
    // The clock is the platform's: long waits are noted and made short, everything else is left alone.
    const noted = (work: () => void, ms = 0) => {
      if (ms >= 20_000) waits.push(ms);
      return setTimeoutAsIs(work, ms >= 20_000 ? 1 : ms);
    };
    Object.assign(globalThis, { setTimeout: noted });
    try {
      expect((await post(later(), "wait=86400")).status).toBe(202);
    } finally {
      Object.assign(globalThis, { setTimeout: setTimeoutAsIs });
    }
    expect(waits).toContain(60_000);
    expect(Math.max(...waits)).toBe(60_000);
  });

  it("does not ask the database while it waits", async () => {
    const asked: string[] = [];
    const DB = new Proxy(env.DB, {
      get(target, name) {
        if (name !== "prepare") return Reflect.get(target, name).bind(target);
        return (sql: string) => {
          asked.push(sql);
          return target.prepare(sql);
        };
      },
    });
    // What an isolate asks once: whether it is migrated, and how many jobs are open.
    await call("POST", "/v1/jobs", { json: later(), env: { ...env, DB } });
    asked.length = 0;
    const json = generate({}, "sandbox/chat!reply=Hi,ttft_ms=1500");
    const answer = await call("POST", "/v1/jobs", {
      json,
      headers: { prefer: "wait=20" },
      env: { ...env, DB },
    });
    expect(answer.body.state).toBe("completed");
    expect(asked.map((sql) => sql.slice(0, 6))).toEqual(["INSERT", "SELECT"]);
  });

  it("answers 202 when the hub is away: the job is stored all the same", async () => {
    const away = { getByName: () => ({ fetch: () => Promise.reject(new Error("hub is away")) }) };
    const EVENT_HUB = Object.assign(Object.create(env.EVENT_HUB), away);
    const response = await open("POST", "/v1/jobs", {
      json: later(),
      headers: { prefer: "wait=5" },
      env: { ...env, EVENT_HUB },
    });
    expect(response.status).toBe(202);
    expect((await call("GET", response.headers.get("location") ?? "")).status).toBe(200);
  });

  it("does not cancel the job when whoever waits hangs up", async () => {
    const abort = new AbortController();
    const json = generate({ channel: "hung-up" }, "sandbox/chat!reply=Hi,ttft_ms=400");
    const waiting = open("POST", "/v1/jobs", { json, headers: { prefer: "wait=20" }, signal: abort.signal });
    const hungUp = waiting.catch(() => null);
    const listed = () => call<{ data: { id: string; state: string }[] }>("GET", "/v1/jobs?channel=hung-up");
    const id = await vi.waitFor(async () => {
      const [job] = (await listed()).body.data;
      if (job?.state !== "running") throw new Error("not running yet");
      return job.id;
    });
    abort.abort();
    await hungUp;
    const ended = await untilState(id, "completed");
    expect(ended).toMatchObject({ cancel_requested_at: null, attempt: 1, output: { text: "Hi" } });
  });
});

async function untilListed(tag: string): Promise<string> {
  for (;;) {
    const { body } = await call<{ data: { id: string }[] }>("GET", `/v1/jobs?tag=${tag}`);
    if (body.data[0]) return body.data[0].id;
  }
}
