// The whole path from outside, as tests that any running Errand must pass.

import { describe, expect, it } from "vitest";
import type { JobOnWire } from "../../src/contract/job";
import type { PoolOnWire } from "../../src/contract/pool";
import { shortName } from "./inbox";
import type { Provider } from "./provider-server.mjs";
import { testProviderScenarios } from "./scenarios-provider";
import { generate, type Output, type Service } from "./service";

export type Stage = {
  service: Service;
  provider: Provider;
  /** Notes how long something took, for the report at the end. */
  measured(what: string, ms: number): void;
};

export function testScenarios(stage: () => Stage): void {
  describe("a job", () => testJob(stage));
  describe("many jobs", () => testMany(stage));
  describe("listeners", () => testListeners(stage));
  testProviderScenarios(stage);
}

function testJob(stage: () => Stage): void {
  it("is taken in at once and tells its whole story on its socket, in order", async () => {
    const { service, measured } = stage();
    await service.submit(generate("sandbox/chat")); // the first submit wakes the clock
    const { status, body, headers, tookMs } = await service.post(
      "/v1/jobs",
      generate("sandbox/chat!tps=100,ttft_ms=300,tokens=60"),
    );
    measured("submit answered", tookMs);
    expect(status).toBe(202);
    expect(headers.get("location")).toBe(`/v1/jobs/${body.id}`);
    expect(tookMs).toBeLessThan(500);

    const socket = await service.listenToJob(body.id);
    await socket.untilType("job.completed");
    await socket.close();
    const story = socket.frames.map(shortName);
    // The run may have started before the socket was open; the snapshot says so then.
    expect(story.filter((name) => name !== "started")).toEqual(["snapshot", "completed"]);
    const known = socket.frames[0];
    const stateAtFirst = known && "job" in known ? known.job?.state : null;
    if (stateAtFirst === "pending") expect(story[1]).toBe("started");
    else expect(stateAtFirst).toBe("running");
    expect((await service.get(`/v1/jobs/${body.id}`)).state).toBe("completed");
  });

  it("tells its text in its stream while it is written, whole and in order, and then its end", async () => {
    const { service } = stage();
    const { id } = await service.submit(
      generate("sandbox/chat!tps=100,ttft_ms=300,tokens=100", { stream: true }),
    );
    const frames = await service.readStream(id);
    const messages = frames.flatMap(({ data }) => data);
    expect(messages.pop()).toEqual({ type: "end", state: "completed", error: null });
    // All at once at the end would be one or two.
    expect(frames.length).toBeGreaterThan(3);
    const { output } = await service.get(`/v1/jobs/${id}`);
    const text = messages.map((message) => (message.type === "text" ? message.text : message.type));
    expect(text.join("")).toBe((output as Output).text);
  });

  it("of a limited pool is let in by its gate, and its use is counted there", async () => {
    const { service } = stage();
    const used = async () => {
      const { data } = await service.get<{ data: PoolOnWire[] }>("/v1/pools");
      return data.find(({ id }) => id === "sandbox/limited")?.used_last_minute.requests ?? 0;
    };
    const before = await used();
    const { id } = await service.submit(generate("sandbox/limited"));
    await service.ended(id);
    expect(await used()).toBe(before + 1);
  });

  it("that embeds texts gives one vector for each", async () => {
    const { service } = stage();
    const { id } = await service.submit({
      task: "embed",
      input: { input: ["tea", "coffee"], dimensions: 8 },
    });
    const { output, state } = await service.ended(id);
    expect(state).toBe("completed");
    expect((output as Output).embeddings?.map((vector) => vector.length)).toEqual([8, 8]);
  });

  it("with a delay starts when its time has come, not before", async () => {
    const { service, provider, measured } = stage();
    const submittedAt = performance.now();
    const job = await service.submit(generate("local/ok", { delay_s: 1 }));
    expect(job).toMatchObject({ state: "pending", reason: "scheduled" });
    const { arrivedAt } = await provider.untilRequest(job.id);
    measured("start after its time had come", arrivedAt - submittedAt - 1_000);
    // The database's clock counts whole milliseconds, and starts after ours.
    expect(arrivedAt - submittedAt).toBeGreaterThan(995);
    expect((await service.ended(job.id)).state).toBe("completed");
  });

  it("that waits can be cancelled, and never runs", async () => {
    const { service, provider } = stage();
    const { id } = await service.submit(generate("local/ok", { delay_s: 1, channel: "cancel-pending" }));
    const { body } = await service.post(`/v1/jobs/${id}/cancel`);
    expect(body.state).toBe("cancelled");
    // One that falls due after it has run: so the cancelled one had its chance.
    const later = await service.submit(generate("local/ok", { delay_s: 1.2 }));
    await service.ended(later.id);
    expect(provider.requests.filter((request) => request.job === id)).toEqual([]);
  });
}

function testMany(stage: () => Stage): void {
  it("fifty in one request all complete, and each is heard of once", async () => {
    const { service } = stage();
    const socket = await service.listenToChannel("fifty");
    const bodies = Array.from({ length: 50 }, (_, i) =>
      generate(`sandbox/chat!reply=Answer ${i},ttft_ms=${i * 5}`, { channel: "fifty", lane: "bulk" }),
    );
    const jobs = await service.submitAll(bodies);
    await socket.untilEnded(50);
    const ids = socket.events().flatMap((event) => (event.type === "job.completed" ? [event.job_id] : []));
    expect(ids.toSorted()).toEqual(jobs.map((job) => job.id).toSorted());
    const outputs = await Promise.all(jobs.map(({ id }) => service.get<Output>(`/v1/jobs/${id}/output`)));
    expect(outputs.map(({ text }) => text)).toEqual(bodies.map((_, i) => `Answer ${i}`));
    await socket.close();
  });

  it("a hundred equal submits at once make one job, which calls its model once", async () => {
    const { service, provider } = stage();
    const body = generate("local/ok", { channel: "equal" });
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => service.post("/v1/jobs", body, { "idempotency-key": "the-same" })),
    );
    const ids = new Set(answers.map((answer) => answer.body.id));
    expect(ids.size).toBe(1);
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(99);
    const id = answers[0]?.body.id ?? "";
    expect((await service.ended(id)).state).toBe("completed");
    expect(provider.requests.filter((request) => request.job === id)).toHaveLength(1);
    const list = await service.get<{ data: JobOnWire[] }>("/v1/jobs?channel=equal");
    expect(list.data).toHaveLength(1);
  });
}

function testListeners(stage: () => Stage): void {
  it("of a channel who come back with a cursor get what they missed, over SSE", async () => {
    const { service } = stage();
    const first = await service.stream("sse");
    const heard = await service.submit(generate("sandbox/chat!reply=one", { channel: "sse" }));
    const end = await first.untilType("job.completed", heard.id);
    await first.close();
    const missed = await service.submit(generate("sandbox/chat!reply=two", { channel: "sse" }));
    await service.ended(missed.id);

    const second = await service.stream("sse", end.cursor);
    await second.untilType("job.completed", missed.id);
    const live = await service.submit(generate("sandbox/chat!reply=three", { channel: "sse" }));
    await second.untilType("job.completed", live.id);
    expect(second.frames[0]).toMatchObject({ type: "snapshot", channel: "sse" });
    expect(second.events(heard.id)).toEqual([]);
    for (const { id } of [missed, live]) {
      const kept = second.events(id).filter(({ type }) => type !== "job.started");
      expect(kept.map(shortName)).toEqual(["submitted", "completed"]);
    }
    await second.close();
  });

  it("of a channel get the same over a WebSocket, and a reset when the cursor is not known", async () => {
    const { service } = stage();
    const first = await service.listenToChannel("ws");
    const heard = await service.submit(generate("sandbox/chat!reply=one", { channel: "ws" }));
    const end = await first.untilType("job.completed", heard.id);
    await first.close();
    const missed = await service.submit(generate("sandbox/chat!reply=two", { channel: "ws" }));
    await service.ended(missed.id);

    const second = await service.listenToChannel("ws", end.cursor);
    await second.untilType("job.completed", missed.id);
    expect(second.frames.map(shortName)).toEqual(["snapshot", "submitted", "completed"]);
    await second.close();
    const lost = await service.listenToChannel("ws", "999999.1");
    await lost.untilType("snapshot");
    expect(lost.frames.map(shortName)).toEqual(["reset", "snapshot"]);
    await lost.close();
  });
}
