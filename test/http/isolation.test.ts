import { beforeAll, describe, expect, it } from "vitest";
import type { JobOnWire } from "../../src/contract/job";
import {
  type Answer,
  call,
  createKey,
  createProject,
  expectError,
  finish,
  generate,
  JOB_ROUTES,
  type List,
  later,
  mint,
  ROOT_KEY,
  submit,
} from "../support/http-client";
import { channelSnapshot, eventsOf, isEvent, openWebSocket } from "../support/http-listen";

const MISSING_JOB = "job_01KAM2T2Q5W4R0E8Z6S3N7Y9XB";
const MISSING_KEY = "key_01KAM2T2Q5W4R0E8Z6S3N7Y9XB";

/** All that a client can see of an answer, but for the id of the request. */
function visible(answer: Answer<unknown>) {
  const id = answer.headers.get("x-request-id") ?? "none";
  const headers = [...answer.headers].filter(([name]) => name !== "x-request-id");
  return { status: answer.status, headers, text: answer.text.replaceAll(id, "<id>") };
}

describe("a project", () => {
  let mine = "";
  let theirs = "";
  let job: JobOnWire;

  beforeAll(async () => {
    mine = await createProject("mine", ["admin"]);
    theirs = await createProject("theirs", ["admin"]);
    job = await finish(generate({ channel: "c", tags: ["t"] }), { key: theirs });
  });

  it.each(JOB_ROUTES)(
    "gets the same 404, to the byte, for another's job and a missing one: %s {id}%s",
    async (method, path) => {
      for (const key of [mine, ROOT_KEY]) {
        const foreign = await call(method, `/v1/jobs/${job.id}${path}`, { key });
        const missing = await call(method, `/v1/jobs/${MISSING_JOB}${path}`, { key });
        expectError(foreign, "not_found");
        expect(visible(foreign)).toEqual(visible(missing));
      }
      expect((await call("GET", `/v1/jobs/${job.id}`, { key: theirs })).body).toEqual(job);
    },
  );

  it("gets the same 404 with a token for a channel of the same name", async () => {
    const token = await mint({ channel: "c", allow: ["read"] }, mine);
    const foreign = await call("GET", `/v1/jobs/${job.id}`, { key: token });
    const missing = await call("GET", `/v1/jobs/${MISSING_JOB}`, { key: token });
    expect(visible(foreign)).toEqual(visible(missing));
  });

  it("sees none of another's jobs in its lists, whatever the filter", async () => {
    const own = await submit(later({ channel: "c", tags: ["t"] }), { key: mine });
    for (const query of [
      "",
      "?channel=c",
      "?tag=t",
      "?state=pending",
      "?state=completed",
      "?task=generate",
    ]) {
      const { body } = await call<List<JobOnWire>>("GET", `/v1/jobs${query}`, { key: mine });
      expect(body.data.map((one) => one.id)).toEqual(query === "?state=completed" ? [] : [own.id]);
    }
  });

  it("sees none of another's events on a channel of the same name", async () => {
    const listener = await openWebSocket("/v1/events?channel=same", { key: mine });
    const foreign = await submit(later({ channel: "same" }), { key: theirs });
    await call("POST", `/v1/jobs/${foreign.id}/cancel`, { key: theirs });
    const own = await submit(later({ channel: "same" }), { key: mine });
    await listener.until(isEvent("job.submitted", own.id));
    expect(new Set(eventsOf(listener.frames).map((event) => event.job_id))).toEqual(new Set([own.id]));
    expect(channelSnapshot(listener.frames[0]).jobs).toEqual([]);
    listener.close();
  });

  it("has its own idempotency keys", async () => {
    const headers = { "idempotency-key": "shared" };
    const [one, two] = await Promise.all([mine, theirs].map((key) => submit(later(), { key, headers })));
    expect(one?.id).not.toBe(two?.id);
  });

  it("gets the same 404 for the keys of another project and of a missing one", async () => {
    const { body } = await call<{ data: { id: string }[] }>("GET", "/v1/projects/theirs/keys", {
      key: theirs,
    });
    const id = body.data[0]?.id ?? "";
    const pairs = [
      ["GET", "/v1/projects/theirs/keys", "/v1/projects/nobody/keys"],
      ["POST", "/v1/projects/theirs/keys", "/v1/projects/nobody/keys"],
      ["DELETE", `/v1/projects/theirs/keys/${id}`, `/v1/projects/nobody/keys/${MISSING_KEY}`],
      ["DELETE", `/v1/projects/mine/keys/${id}`, `/v1/projects/mine/keys/${MISSING_KEY}`],
    ] as const;
    for (const [method, foreignPath, missingPath] of pairs) {
      const json = method === "POST" ? {} : undefined;
      const foreign = await call(method, foreignPath, { key: mine, json });
      expectError(foreign, "not_found");
      expect(visible(foreign)).toEqual(visible(await call(method, missingPath, { key: mine, json })));
    }
    expect((await call("GET", "/v1/jobs", { key: theirs })).status).toBe(200);
  });

  it("is what the root key sees of `default`, and of no other project", async () => {
    const own = await submit(later({ tags: ["root"] }));
    await submit(later({ tags: ["root"] }), { key: theirs });
    const { body } = await call<List<JobOnWire>>("GET", "/v1/jobs?tag=root");
    expect(body.data.map((one) => one.id)).toEqual([own.id]);
    const key = await createKey("default", ["jobs:read"]);
    expect((await call("GET", `/v1/jobs/${own.id}`, { key })).status).toBe(200);
  });
});
