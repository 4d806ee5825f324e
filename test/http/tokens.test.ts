import { sign } from "hono/jwt";
import { beforeAll, describe, expect, it } from "vitest";
import type { JobOnWire } from "../../src/contract/job";
import {
  call,
  createKey,
  createProject,
  expectError,
  finish,
  generate,
  type List,
  later,
  mint,
  open,
  ROOT_KEY,
  submit,
  TOKEN_SECRET,
} from "../support/http-client";
import { channelSnapshot, openWebSocket } from "../support/http-listen";

const post = (json: unknown, key = ROOT_KEY) =>
  call<{ token: string; expires_at: string }>("POST", "/v1/tokens", { key, json });

const get = (path: string, key: string) => call<JobOnWire>("GET", path, { key });

describe("POST /v1/tokens", () => {
  it("answers 201 with the token and when it expires, and nothing else", async () => {
    const before = Date.now();
    const answer = await post({ channel: "c", allow: ["read"], ttl_s: 60 });
    expect(answer.status).toBe(201);
    expect(Object.keys(answer.body).sort()).toEqual(["expires_at", "token"]);
    const expiresAt = Date.parse(answer.body.expires_at);
    expect(expiresAt).toBeGreaterThan(before + 58_000);
    expect(expiresAt).toBeLessThanOrEqual(Date.now() + 60_000);
    expect(claimsOf(answer.body.token).exp).toBe(expiresAt / 1_000);
  });

  it("makes a token of 15 minutes unless asked otherwise, of an hour at the most", async () => {
    for (const [ttl_s, expected] of [
      [undefined, 900],
      [3_600, 3_600],
    ] as const) {
      const { body } = await post({ channel: "c", allow: ["read"], ttl_s });
      expect((Date.parse(body.expires_at) - Date.now()) / 1_000).toBeCloseTo(expected, -1);
    }
  });

  it.each([
    ["no life", { channel: "c", allow: ["read"], ttl_s: 0 }, "ttl_s"],
    ["a life of more than an hour", { channel: "c", allow: ["read"], ttl_s: 3_601 }, "ttl_s"],
    ["a fractional life", { channel: "c", allow: ["read"], ttl_s: 1.5 }, "ttl_s"],
    ["neither channel nor job", { allow: ["read"] }, "channel"],
    ["channel and job", { channel: "c", job: "job_1", allow: ["read"] }, "channel"],
    ["submit for a job", { job: "job_1", allow: ["read", "submit"] }, "allow"],
    ["nothing allowed", { channel: "c", allow: [] }, "allow"],
    ["an unknown allowance", { channel: "c", allow: ["admin"] }, "allow[0]"],
    ["no jobs", { channel: "c", allow: ["submit"], max_jobs: 0 }, "max_jobs"],
    ["an empty list of tasks", { channel: "c", allow: ["submit"], tasks: [] }, "tasks"],
    ["a channel with a control character", { channel: "a\nb", allow: ["read"] }, "channel"],
    ["an unknown field", { channel: "c", allow: ["read"], scope: "all" }, "body"],
  ])("refuses %s", async (_, json, param) => {
    expectError(await post(json), "invalid_request", param);
  });

  it("lets a key allow only what it may do itself", async () => {
    await createProject("minters");
    const [reader, writer] = [
      await createKey("minters", ["jobs:read"]),
      await createKey("minters", ["jobs:write"]),
    ];
    expect((await post({ channel: "c", allow: ["read"] }, reader)).status).toBe(201);
    expectError(await post({ channel: "c", allow: ["submit"] }, reader), "forbidden");
    expectError(await post({ channel: "c", allow: ["read", "submit"] }, reader), "forbidden");
    expect((await post({ channel: "c", allow: ["submit"] }, writer)).status).toBe(201);
    expectError(await post({ channel: "c", allow: ["read"] }, writer), "forbidden");
  });

  it("does not let a token mint another", async () => {
    const token = await mint({ channel: "c", allow: ["read", "submit"] });
    expectError(await post({ channel: "c", allow: ["read"] }, token), "forbidden");
  });
});

describe("a token for a channel", () => {
  let inside: JobOnWire;
  let outside: JobOnWire;
  let reader = "";
  let writer = "";

  beforeAll(async () => {
    inside = await finish(generate({ channel: "room" }));
    outside = await finish(generate({ channel: "street" }));
    reader = await mint({ channel: "room", allow: ["read"] });
    writer = await mint({ channel: "room", allow: ["submit"] });
  });

  it("reads the jobs of its channel, their inputs and their outputs", async () => {
    expect((await get(`/v1/jobs/${inside.id}`, reader)).body).toEqual(inside);
    expect((await get(`/v1/jobs/${inside.id}/output`, reader)).body).toEqual(inside.output);
    expect((await get(`/v1/jobs/${inside.id}/input`, reader)).status).toBe(200);
  });

  it.each(["", "/input", "/output", "/events"])(
    "is told that other jobs do not exist: {id}%s",
    async (path) => {
      expectError(await get(`/v1/jobs/${outside.id}${path}`, reader), "not_found");
    },
  );

  it("is told so of jobs without a channel", async () => {
    const bare = await submit(later());
    expectError(await get(`/v1/jobs/${bare.id}`, reader), "not_found");
  });

  it("lists its own channel only, whatever it asks for", async () => {
    for (const query of ["", "?channel=room", "?channel=street", "?state=completed"]) {
      const { body } = await call<List<JobOnWire>>("GET", `/v1/jobs${query}`, { key: reader });
      expect(body.data.map((job) => job.id)).toEqual([inside.id]);
    }
  });

  it("listens to its own channel only, and needs not name it", async () => {
    const listener = await openWebSocket("/v1/events", { key: reader });
    expect(channelSnapshot(listener.frames[0]).channel).toBe("room");
    listener.close();
    expectError(await call("GET", "/v1/events?channel=street", { key: reader }), "forbidden");
  });

  it("submits into its own channel, whatever the body says", async () => {
    const single = await submit(later({ channel: "street" }), { key: writer });
    expect(single.channel).toBe("room");
    const jobs = [later({ channel: "street" }), later()];
    const { body } = await call<{ data: JobOnWire[] }>("POST", "/v1/jobs/bulk", {
      key: writer,
      json: { jobs },
    });
    expect(body.data.map((job) => job.channel)).toEqual(["room", "room"]);
  });

  it("cancels in its own channel when it may submit, and nowhere else", async () => {
    const [own, other] = [
      await submit(later({ channel: "room" })),
      await submit(later({ channel: "street" })),
    ];
    expectError(await call("POST", `/v1/jobs/${other.id}/cancel`, { key: writer }), "not_found");
    expectError(await call("POST", `/v1/jobs/${own.id}/cancel`, { key: reader }), "forbidden");
    const cancelled = await call("POST", `/v1/jobs/${own.id}/cancel`, { key: writer });
    expect([cancelled.status, cancelled.body.state]).toEqual([200, "cancelled"]);
    expect((await call("GET", `/v1/jobs/${other.id}`)).body.state).toBe("pending");
  });
});

describe("a token that may only submit", () => {
  it("never sees an output or attempts: not by waiting, not by repeating, not by cancelling", async () => {
    const key = await mint({ channel: "drop-box", allow: ["submit"] });
    const headers = { prefer: "wait=10", "idempotency-key": "drop-box-1" };
    const waited = await call<JobOnWire>("POST", "/v1/jobs", { key, json: generate(), headers });
    const repeated = await call<JobOnWire>("POST", "/v1/jobs", { key, json: generate(), headers });
    const cancelled = await call<JobOnWire>("POST", `/v1/jobs/${waited.body.id}/cancel`, { key });
    for (const { status, body } of [waited, repeated, cancelled]) {
      expect(status).toBe(200);
      expect(body).toMatchObject({ id: waited.body.id, state: "completed", output: null });
      expect(body).not.toHaveProperty("attempts");
    }
  });
});

describe("a token for a job", () => {
  it("reads this job and no other, and lists nothing", async () => {
    const [one, two] = [await finish(generate({ channel: "x" })), await submit(later({ channel: "x" }))];
    const token = await mint({ job: one.id, allow: ["read"] });
    expect((await get(`/v1/jobs/${one.id}`, token)).body).toEqual(one);
    expect((await get(`/v1/jobs/${one.id}/output`, token)).body).toEqual(one.output);
    expectError(await get(`/v1/jobs/${two.id}`, token), "not_found");
    expectError(await get("/v1/jobs", token), "forbidden");
    expectError(await get("/v1/events?channel=x", token), "forbidden");
    expectError(await call("POST", `/v1/jobs/${one.id}/cancel`, { key: token }), "forbidden");
    expectError(await call("POST", "/v1/jobs", { key: token, json: later() }), "forbidden");
  });

  it("does not read a job of another project, though it names it", async () => {
    const key = await createProject("elsewhere");
    const job = await submit(later());
    const token = await mint({ job: job.id, allow: ["read"] }, key);
    expectError(await get(`/v1/jobs/${job.id}`, token), "not_found");
  });
});

describe("a token that is not good", () => {
  const claims = {
    iss: "errand",
    jti: "tok_1",
    exp: Math.floor(Date.now() / 1_000) + 600,
    project: "default",
    allow: ["read"],
    channel: "c",
    job: null,
    tasks: null,
    models: null,
    max_jobs: null,
  };
  const base64 = (value: unknown) => btoa(JSON.stringify(value)).replace(/=+$/, "");

  it("would be good as it is: the claims that these tests spoil", async () => {
    expect((await get("/v1/jobs", await sign(claims, TOKEN_SECRET, "HS256"))).status).toBe(200);
  });

  it("has expired", async () => {
    const token = await sign({ ...claims, exp: Math.floor(Date.now() / 1_000) - 1 }, TOKEN_SECRET, "HS256");
    const error = expectError(await get("/v1/jobs", token), "unauthorized");
    expect(error.message).toContain("expired");
    expectError(await call("GET", `/v1/events?token=${token}`, { key: null }), "unauthorized");
  });

  it.each([
    ["is signed with another secret", () => sign(claims, "another secret of good length", "HS256")],
    ["is signed with the root key", () => sign(claims, ROOT_KEY, "HS256")],
    ["is signed in another way", () => sign(claims, TOKEN_SECRET, "HS512")],
    ["is not signed: alg none", async () => `${base64({ alg: "none", typ: "JWT" })}.${base64(claims)}.`],
    [
      "claims HS256 without a signature",
      async () => `${base64({ alg: "HS256", typ: "JWT" })}.${base64(claims)}.`,
    ],
    ["is of another issuer", () => sign({ ...claims, iss: "someone" }, TOKEN_SECRET, "HS256")],
    ["has no expiry", () => sign({ ...claims, exp: undefined }, TOKEN_SECRET, "HS256")],
    ["has no project", () => sign({ ...claims, project: undefined }, TOKEN_SECRET, "HS256")],
    ["allows what there is not", () => sign({ ...claims, allow: ["root"] }, TOKEN_SECRET, "HS256")],
    ["is not even one", async () => "a.b.c"],
    ["is three dots", async () => "..."],
    ["begins like one", async () => "eyJ.eyJ.eyJ"],
  ])("%s", async (_, make) => {
    expectError(await get("/v1/jobs", await make()), "unauthorized");
  });

  it("was changed after it was signed", async () => {
    const [head, , signature] = (await sign(claims, TOKEN_SECRET, "HS256")).split(".");
    const other = base64({ ...claims, channel: "other" });
    expectError(await get("/v1/jobs", `${head}.${other}.${signature}`), "unauthorized");
  });
});

describe("?token=", () => {
  let job: JobOnWire;
  let token = "";

  beforeAll(async () => {
    job = await finish(generate({ channel: "web" }));
    token = await mint({ channel: "web", allow: ["read", "submit"] });
  });

  const path = (template: string, credential: string) =>
    `${template.replace("{id}", job.id)}${template.includes("?") ? "&" : "?"}token=${credential}`;

  it.each([
    "/v1/jobs/{id}",
    "/v1/jobs/{id}/output",
    "/v1/jobs/{id}/events",
    "/v1/events",
    "/v1/events?since=0.0",
  ])("works for GET %s", async (template) => {
    const response = await open("GET", path(template, token), { key: null });
    expect(response.status).toBe(200);
    await response.body?.cancel();
  });

  it.each([
    ["GET", "/v1/jobs"],
    ["GET", "/v1/jobs/{id}/input"],
    ["GET", "/v1/tasks"],
    ["POST", "/v1/jobs"],
    ["POST", "/v1/jobs/bulk"],
    ["POST", "/v1/jobs/{id}/cancel"],
    ["DELETE", "/v1/jobs/{id}"],
    ["POST", "/v1/tokens"],
  ])("does not work for %s %s", async (method, template) => {
    const json = method === "POST" ? later() : undefined;
    expectError(await call(method, path(template, token), { key: null, json }), "unauthorized");
  });

  it.each(["/v1/jobs/{id}", "/v1/jobs/{id}/output", "/v1/jobs/{id}/events", "/v1/events?channel=web"])(
    "never takes a key: GET %s",
    async (template) => {
      const key = await createProject("query");
      for (const credential of [ROOT_KEY, key]) {
        expectError(await call("GET", path(template, credential), { key: null }), "unauthorized");
      }
    },
  );

  it("gives way to the header", async () => {
    expectError(await call("GET", path("/v1/jobs/{id}", token), { key: "wrong" }), "unauthorized");
  });
});

function claimsOf(token: string): { exp: number } {
  const payload = token.split(".")[1] ?? "";
  return JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
}
