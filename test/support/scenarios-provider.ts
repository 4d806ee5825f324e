// What a provider can do to a job, with a real HTTP server in its place: answers, faults, silence.

import { describe, expect, it } from "vitest";
import type { ErrorCode } from "../../src/core/errors";
import type { Stage } from "./scenarios";
import { generate, type Output } from "./service";

type Fault = { model: string; code: ErrorCode; retried: boolean };

const FAULTS: Fault[] = [
  { model: "400", code: "provider_bad_request", retried: false },
  { model: "401", code: "provider_auth", retried: false },
  { model: "403", code: "provider_auth", retried: false },
  { model: "404", code: "provider_not_found", retried: false },
  { model: "422", code: "provider_bad_request", retried: false },
  { model: "context", code: "context_too_long", retried: false },
  { model: "filter", code: "content_refused", retried: false },
  { model: "quota", code: "provider_quota", retried: false },
  { model: "408", code: "provider_timeout", retried: true },
  { model: "409", code: "provider_conflict", retried: true },
  { model: "later", code: "provider_rate_limited", retried: true },
  { model: "500", code: "provider_error", retried: true },
  { model: "503", code: "provider_error", retried: true },
  { model: "short", code: "stream_cut", retried: true },
];

/** What only a direct connection shows; wrangler's test harness has a proxy of its own in the way. */
const BROKEN_CONNECTIONS: Fault[] = [
  { model: "cut", code: "stream_cut", retried: true },
  { model: "gone", code: "provider_unreachable", retried: true },
];

export function testProviderScenarios(stage: () => Stage): void {
  describe("a provider's fault", () => testFaults(stage));
  describe("a provider that is slow", () => testSilence(stage));
}

export function testConnectionScenarios(stage: () => Stage): void {
  describe("a broken connection", () => testFaultTable(stage, BROKEN_CONNECTIONS));
  describe("a call to a provider", () => testHangUp(stage));
}

function testFaultTable(stage: () => Stage, faults: Fault[]): void {
  it.for(faults)("$model fails the job with $code; tried again: $retried", async (fault) => {
    const { service, provider } = stage();
    const { id } = await service.submit(generate(`local/${fault.model}`, { max_attempts: 2 }));
    const job = await service.ended(id);
    expect(job.state).toBe("failed");
    expect(job.error).toMatchObject({ code: fault.code, retryable: fault.retried });
    const attempts = fault.retried ? [1, 2] : [1];
    expect(job.attempts?.map(({ attempt }) => attempt)).toEqual(attempts);
    const requests = provider.requests.filter((request) => request.job === id);
    expect(requests.map(({ attempt }) => attempt)).toEqual(attempts);
  });
}

function testFaults(stage: () => Stage): void {
  testFaultTable(stage, FAULTS);

  it("that passes lets the next attempt complete the job, and the error stays in its history", async () => {
    const { service } = stage();
    const { id } = await service.submit(generate("local/500!1"));
    const job = await service.ended(id);
    expect(job).toMatchObject({ state: "completed", attempt: 2, error: null });
    expect(job.attempts?.map(({ error }) => error?.code ?? null)).toEqual(["provider_error", null]);
    expect(job.usage).toMatchObject({ input_tokens: 7, output_tokens: 4 });
  });

  it("with retry-after is tried again no sooner than it says", async () => {
    const { service, provider, measured } = stage();
    const { id } = await service.submit(generate("local/later!1"));
    expect((await service.ended(id)).state).toBe("completed");
    const first = await provider.untilRequest(id, 1);
    const second = await provider.untilRequest(id, 2);
    measured("second attempt after a retry-after of 1 s", second.arrivedAt - first.arrivedAt);
    expect(second.arrivedAt - first.arrivedAt).toBeGreaterThan(995);
  });
}

/** 1.5 s is what it takes on a free machine. */
const CANCEL_LIMIT_MS = 3_000;

/** More than one batch of the queue (10). */
const HELD = 12;

function testSilence(stage: () => Stage): void {
  it("does not keep other jobs from starting at once", async () => {
    const { service, provider, measured } = stage();
    const held = [];
    const delays = [];
    for (let i = 0; i < HELD; i++) {
      const submittedAt = performance.now();
      const { id } = await service.submit(generate("local/silent"));
      const request = await provider.untilRequest(id);
      held.push({ id, request });
      delays.push(request.arrivedAt - submittedAt);
    }
    const submittedAt = performance.now();
    const { id } = await service.submit(generate("local/ok"));
    const { arrivedAt } = await provider.untilRequest(id);
    measured(`from submit to the call to the model, behind ${HELD} that wait`, arrivedAt - submittedAt);
    measured(`the longest of those ${HELD} themselves`, Math.max(...delays));
    expect((await service.ended(id)).state).toBe("completed");
    // 100 ms is what it takes on a free machine; this one may be busy.
    expect(arrivedAt - submittedAt).toBeLessThan(1_000);

    for (const { request } of held) request.release();
    const ended = await Promise.all(held.map((job) => service.ended(job.id)));
    expect(ended.map(({ state }) => state)).toEqual(held.map(() => "completed"));
  });

  it("can be cancelled: the job ends about a second later, its text and usage are kept", async () => {
    const { service, provider, measured } = stage();
    const { id } = await service.submit(generate("local/stuck"));
    const socket = await service.listenToJob(id);
    await provider.untilRequest(id);
    const askedAt = performance.now();
    const { body } = await service.post(`/v1/jobs/${id}/cancel`);
    expect(body).toMatchObject({ state: "running", cancel_requested_at: expect.any(String) });
    await socket.untilType("job.cancelled");
    const tookMs = performance.now() - askedAt;
    measured("from cancel to job.cancelled", tookMs);
    expect(tookMs).toBeLessThan(CANCEL_LIMIT_MS);
    await socket.close();

    const job = await service.get(`/v1/jobs/${id}`);
    expect(job).toMatchObject({ state: "cancelled", error: null, usage: { estimated: true } });
    expect((job.output as Output).text).toBe("Jobs wait in line. ");
  });
}

function testHangUp(stage: () => Stage): void {
  it.for(["stuck", "silent"])("is closed about a second after its job was cancelled (%s)", async (model) => {
    const { service, provider, measured } = stage();
    const { id } = await service.submit(generate(`local/${model}`));
    const request = await provider.untilRequest(id);
    const askedAt = performance.now();
    await service.post(`/v1/jobs/${id}/cancel`);
    const tookMs = (await request.closed) - askedAt;
    measured(`from cancel to the end of the call to a ${model} model`, tookMs);
    expect(tookMs).toBeLessThan(CANCEL_LIMIT_MS);
    expect((await service.ended(id)).state).toBe("cancelled");
  });

  it("is closed when its job runs out of time, and made again by the next attempt", async () => {
    const { service, provider, measured } = stage();
    const { id } = await service.submit(generate("local/silent!1", { timeout_s: 1 }));
    const request = await provider.untilRequest(id);
    const tookMs = (await request.closed) - request.arrivedAt;
    measured("a call with timeout_s 1 was closed", tookMs);
    const job = await service.ended(id);
    expect(job).toMatchObject({ state: "completed", attempt: 2 });
    expect(job.attempts?.[0]?.error?.code).toBe("timeout");
  });
}
