import { describe, expect, it, vi } from "vitest";
import { JobCancelledError, JobFailedError } from "../../client/src/index";
import { connect, dontPause } from "../support/client-wire";
import { call, mint, untilState } from "../support/http-client";

const INPUT = { prompt: "Say hello.", model: "sandbox/chat!reply=Hello" };
const SLOW = { prompt: "Say much.", model: "sandbox/chat!tokens=600,tps=10" };
const whole = async (id: string) => (await call("GET", `/v1/jobs/${id}`)).body;
const tokenFor = (channel: string) => mint({ channel, allow: ["read", "submit"] });

/** The id of the job with this tag, once there is one. */
function untilStored(tag: string): Promise<string> {
  return vi.waitFor(
    async () => {
      const { body } = await call<{ data: { id: string }[] }>("GET", `/v1/jobs?tag=${tag}`);
      if (!body.data[0]) throw new Error("not submitted so far");
      return body.data[0].id;
    },
    { timeout: 5_000, interval: 10 },
  );
}

async function untilRunning(tag: string): Promise<string> {
  return (await untilState(await untilStored(tag), "running")).id;
}

describe("run", () => {
  it("returns the completed job with its output, as the API shows it", async () => {
    const { errand } = connect();
    const job = await errand.jobs.run("generate", INPUT);
    expect(job.output.text).toBe("Hello");
    expect(job).toEqual(await whole(job.id));
  });

  it("hears of the end by a WebSocket when it has a token, and looks once", async () => {
    const { errand, wire } = connect({ token: await tokenFor("r-socket") });
    const job = await errand.jobs.run("generate", INPUT, { delayS: 0.3 });
    expect(job.state).toBe("completed");
    expect(wire.connections.map(({ way }) => way)).toEqual(["socket"]);
    expect(wire.requests.map(({ method }) => method)).toEqual(["POST", "GET"]);
  });

  it("hears of the end by server-sent events when it has a key, and looks once", async () => {
    const { errand, wire } = connect();
    await errand.jobs.run("generate", INPUT, { delayS: 0.3 });
    expect(wire.connections.map(({ way }) => way)).toEqual(["sse"]);
    expect(wire.requests.map(({ method }) => method)).toEqual(["POST", "GET"]);
  });

  it("looks again and again where no events get through, and does not keep knocking there", async () => {
    dontPause();
    const { errand, wire } = connect({
      token: await tokenFor("r-look"),
      faults: { connection: () => ({ frames: 0 }) },
    });
    const job = await errand.jobs.run("generate", { ...INPUT, model: "sandbox/chat!reply=a b c,tps=4" });
    expect(job.output.text).toBe("a b c");
    expect(wire.connections.map(({ way }) => way)).toEqual(["socket", "sse"]);
    expect(wire.requests.length).toBeGreaterThan(2);
    expect(new Set(wire.requests.slice(1).map(({ headers }) => headers.get("prefer")))).toEqual(
      new Set([null]),
    );
  });

  it("returns at once what an equal call with its key has finished before", async () => {
    const { errand, wire } = connect();
    const options = { idempotencyKey: "r-same" };
    const job = await errand.jobs.run("generate", INPUT, options);
    expect(await errand.jobs.run("generate", INPUT, options)).toEqual(job);
    expect(wire.requests.map(({ method }) => method)).toEqual(["POST", "GET", "POST"]);
  });

  it("throws JobFailedError with the job when it fails", async () => {
    const failing = connect().errand.jobs.run("generate", { ...INPUT, model: "sandbox/chat!status=400" });
    const error = await failing.catch((one: unknown) => one);
    expect(error).toBeInstanceOf(JobFailedError);
    const { job } = error as JobFailedError;
    expect(job).toEqual(await whole(job.id));
    expect(error).toMatchObject({
      name: "JobFailedError",
      code: "provider_bad_request",
      status: null,
      message: expect.stringContaining(job.id),
    });
  });

  it("throws JobCancelledError with the job, and what it had written, when somebody cancels it", async () => {
    const { errand } = connect();
    const running = errand.jobs.run("generate", SLOW, { tags: ["r-cancel"], stream: true });
    const ended = running.catch((one: unknown) => one);
    await call("POST", `/v1/jobs/${await untilRunning("r-cancel")}/cancel`);
    const error = await ended;
    expect(error).toBeInstanceOf(JobCancelledError);
    const { job } = error as JobCancelledError;
    expect(job).toMatchObject({ state: "cancelled", output: { finish_reason: "cancelled" } });
    expect(error).toMatchObject({ code: "cancelled", type: "job_error" });
  });

  it("throws what was wrong with the request, without a job", async () => {
    const wrong = connect().errand.jobs.run("generate", {});
    await expect(wrong).rejects.toMatchObject({ code: "input_invalid", param: "input.prompt" });
  });
});

describe("run, when its signal aborts", () => {
  const reason = new Error("the user left");

  it("stops waiting at once, and the job goes on", async () => {
    const { errand } = connect();
    const leaving = new AbortController();
    const running = errand.jobs.run("generate", INPUT, {
      delayS: 3_600,
      tags: ["a-leave"],
      signal: leaving.signal,
    });
    const ended = expect(running).rejects.toBe(reason);
    const id = await untilStored("a-leave");
    leaving.abort(reason);
    await ended;
    expect((await whole(id)).state).toBe("pending");
  });

  it("cancels the job if it was told to, before it says so", async () => {
    const { errand } = connect();
    const leaving = new AbortController();
    const options = { tags: ["a-cancel"], signal: leaving.signal, cancelOnAbort: true };
    const ended = expect(errand.jobs.run("generate", SLOW, options)).rejects.toBe(reason);
    const id = await untilRunning("a-cancel");
    leaving.abort(reason);
    await ended;
    expect((await whole(id)).cancel_requested_at).not.toBeNull();
    await untilState(id, "cancelled");
  });

  it("cancels a job that was just being submitted too", async () => {
    const leaving = new AbortController();
    const { errand } = connect({
      faults: { request: (_, nth) => void (nth === 1 && leaving.abort(reason)) },
    });
    const options = { delayS: 3_600, tags: ["a-early"], signal: leaving.signal, cancelOnAbort: true };
    await expect(errand.jobs.run("generate", INPUT, options)).rejects.toBe(reason);
    const { body } = await call<{ data: { state: string }[] }>("GET", "/v1/jobs?tag=a-early");
    expect(body.data.map(({ state }) => state)).toEqual(["cancelled"]);
  });
});
