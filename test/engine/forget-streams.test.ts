import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { Operation } from "../../src/core/operation";
import { shardOf } from "../../src/core/streams/stream";
import { advance, operate } from "../../src/engine/operate";
import { forgetStreams } from "../../src/engine/stream-logs";
import { createProject } from "../../src/store/projects";
import { testDeps } from "../support/deps";
import { call, createKey, expectError } from "../support/http-client";
import { eventsIn, openStream, pathOf, stream } from "../support/stream-client";
import { countProjectRows } from "../support/stream-objects";

const names = Array.from({ length: 40 }, (_, i) => `chat-${i}`);

/** A project with streams in all of its objects: a key that may use them. */
async function fill(project: string): Promise<string> {
  await createProject(env.DB, project, { name: project, retentionMs: null, weight: 1 });
  const key = await createKey(project, ["streams:read", "streams:write"]);
  for (const name of names) {
    const headers: Record<string, string> =
      name === "chat-1" ? { "stream-forked-from": pathOf("chat-0") } : { "stream-ttl": "600" };
    const made = await stream("PUT", name, { key, text: `hello from ${project}`, headers });
    expect(made.status, made.text).toBe(201);
  }
  return key;
}

const start = (project: string) => ({
  ...{ projectId: "default", target: project, action: "erase_project" as const, filter: {}, rate: null },
});

describe("deleting a project", () => {
  it("removes its streams, closes their readers, and touches no other project's", async () => {
    const key = await fill("doomed");
    const other = await fill("doomed-not");
    const { body } = await openStream("chat-7", "offset=-1&live=sse", { key });
    const heard = Array.fromAsync(eventsIn(body));
    const rows = await countProjectRows("doomed-not");
    const deleted = await call<{ id: string }>("DELETE", "/v1/projects/doomed");
    expect(deleted.status).toBe(202);
    const operation = await call<{ state: string }>("GET", `/v1/operations/${deleted.body.id}`);
    expect(operation.body.state).toBe("completed");
    expect(await countProjectRows("doomed")).toBe(0);
    expect((await heard).some(({ data }) => data.includes("streamClosed"))).toBe(false);
    expect(await countProjectRows("doomed-not")).toBe(rows);
    expect((await stream("GET", "chat-7", { key: other })).text).toBe("hello from doomed-not");
  });

  it("leaves nothing that a key could write to which is still believed, be it in another isolate", async () => {
    const key = await fill("believed");
    await call("DELETE", "/v1/projects/believed");
    const source = { "stream-forked-from": pathOf("chat-0") };
    for (const headers of [{}, source]) {
      expectError(await stream("PUT", "chat-2", { key, text: "late", headers }), "not_found");
    }
    expectError(await stream("POST", "chat-2", { key, text: "late" }), "not_found");
    expectError(await stream("GET", "chat-2", { key }), "not_found");
    expect(await countProjectRows("believed")).toBe(0);
  });

  it("can be done again wherever it was broken off", async () => {
    await fill("twice");
    const deps = testDeps();
    expect([await forgetStreams(deps, "twice"), await forgetStreams(deps, "twice")]).toEqual([true, true]);
    expect(await countProjectRows("twice")).toBe(0);
    expect((await operate(deps, start("twice"))).finishedAt).not.toBeNull();
  });

  it("is not over before every object has answered, and goes on with the next look", async () => {
    await fill("stubborn");
    let away = 2;
    const silent = shardOf("stubborn/chat-3");
    const streams = Object.assign(Object.create(env.STREAM_LOG), {
      getByName: (name: string) => ({
        forgetAll: async () => {
          if (name === silent && away-- > 0) throw new Error("away");
          await env.STREAM_LOG.getByName(name).forgetAll();
        },
      }),
    });
    const deps = testDeps({ streams });
    const begun = await operate(deps, start("stubborn"));
    expect(begun.finishedAt).toBeNull();
    expect(await countProjectRows("stubborn")).toBeGreaterThan(0);
    expect(deps.logs.map(({ event }) => event)).toContain("streams_not_forgotten");
    expect(await advance(deps, begun)).toBeNull();
    const done: Operation | null = await advance(deps, begun);
    expect(done?.finishedAt).not.toBeNull();
    expect(await countProjectRows("stubborn")).toBe(0);
  });

  it("does not wait for ever for an object that hangs", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const streams = Object.assign(Object.create(env.STREAM_LOG), {
      getByName: () => ({ forgetAll: () => new Promise(() => {}) }),
    });
    const answer = forgetStreams(testDeps({ streams }), "hanging");
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await answer).toBe(false);
    vi.useRealTimers();
  });
});
