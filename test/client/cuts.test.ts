// Whatever is cut, lost or sent twice, and whenever: who listens hears the same story, who runs a job gets the same job.

import fc from "fast-check";
import { expect, it } from "vitest";
import type { Frame } from "../../client/src/index";
import type { EventFrame } from "../../src/contract/frames";
import { type Cut, connect, dontPause, type Fault } from "../support/client-wire";
import { call, generate, later, mint, submit } from "../support/http-client";
import { eventsOf, isEvent, openWebSocket } from "../support/http-listen";

const RUNS = 15;
let channels = 0;

const cuts = fc.array(fc.record({ frames: fc.nat({ max: 4 }), twice: fc.boolean() }), { maxLength: 12 });
const cutBy = (list: Cut[]) => (nth: number) => list[nth - 1];

/** What is told again to who comes back: `job.started` is for those who listen at the time. */
function story(events: EventFrame[]) {
  const kept = events.filter(({ type }) => !/started|progress/.test(type));
  return kept.map((event) => [
    event.job_id,
    event.type,
    event.version,
    "state" in event ? event.state : null,
  ]);
}

/** The hub's own memory, each change once. */
async function truth(channel: string, isLast: (frame: Frame) => boolean) {
  const listener = await openWebSocket(`/v1/events?channel=${channel}&since=0.0`);
  await listener.until(isLast);
  listener.close();
  const known = new Map<string, number>();
  const isNews = ({ job_id, version }: EventFrame) => {
    if (version <= (known.get(job_id) ?? 0)) return false;
    known.set(job_id, version);
    return true;
  };
  return story(eventsOf(listener.frames).filter(isNews));
}

/** Two jobs that take turns: cancelled, run again, completed, and run anew. The last event. */
async function act(channel: string): Promise<(frame: Frame) => boolean> {
  const post = (id: string, action: string) => call("POST", `/v1/jobs/${id}/${action}`);
  const one = await submit(later({ channel }));
  const two = await submit(later({ channel }));
  await post(one.id, "cancel");
  await post(two.id, "cancel");
  await post(one.id, "retry");
  const last = await submit(generate({ channel }, "sandbox/chat!status=400"));
  await call("POST", "/v1/jobs", {
    json: generate({ channel }),
    headers: { prefer: "wait=20", "idempotency-key": channel },
  });
  const listener = await openWebSocket(`/v1/events?channel=${channel}&since=0.0`);
  await Promise.all([
    listener.until(isEvent("job.completed", one.id)),
    listener.until(isEvent("job.failed", last.id)),
  ]);
  listener.close();
  const end = await submit(later({ channel }));
  return isEvent("job.submitted", end.id);
}

it("a subscriber is told every change once and in order, over either way", async () => {
  dontPause();
  const property = fc.asyncProperty(cuts, fc.boolean(), fc.boolean(), async (list, hasKey, isFromStart) => {
    const channel = `cut-${++channels}`;
    const credential = hasKey ? {} : { token: await mint({ channel, allow: ["read"] }) };
    const faults = { connection: cutBy(list) };
    const { errand, wire } = connect({ ...credential, maxRetries: list.length, faults });
    const since = isFromStart ? "0.0" : null;
    const subscription = errand.events.subscribe({ channel }, { since });
    const heard: Frame[] = [];
    const take = async (isLast: (frame: Frame) => boolean) => {
      for await (const frame of { [Symbol.asyncIterator]: () => ({ next: () => subscription.next() }) }) {
        heard.push(frame);
        if (isLast(frame)) return;
      }
    };
    try {
      await take((frame) => frame.type === "snapshot");
      const isLast = await act(channel);
      await take(isLast);
      const events = heard.filter((frame): frame is EventFrame => "job_id" in frame);
      expect(story(events)).toEqual(await truth(channel, isLast));
      expect(wire.connections.length).toBeLessThanOrEqual(list.length + 1);
    } finally {
      subscription.close();
    }
  });
  await fc.assert(property, { numRuns: RUNS });
}, 60_000);

it("run() returns the same job, stored once", async () => {
  dontPause();
  const fault = fc.constantFrom<Fault | undefined>(undefined, undefined, "refuse", "lose");
  const plan = fc.record({
    // Never more in a row than are met by another try.
    faults: fc.array(fault, { maxLength: 8 }),
    list: cuts,
    hasKey: fc.boolean(),
    delayS: fc.constantFrom(0, 0.05),
  });
  const property = fc.asyncProperty(plan, async ({ faults, list, hasKey, delayS }) => {
    const channel = `run-${++channels}`;
    const credential = hasKey ? {} : { token: await mint({ channel, allow: ["read", "submit"] }) };
    const request = (_: unknown, nth: number) => faults[nth - 1];
    const wiring = { maxRetries: faults.length, faults: { request, connection: cutBy(list) } };
    const { errand } = connect({ ...credential, ...wiring });
    const input = { prompt: "a", model: "sandbox/chat!reply=Hello" };
    const job = await errand.jobs.run("generate", input, { channel, delayS });
    expect(job.output.text).toBe("Hello");
    expect(job).toEqual((await call("GET", `/v1/jobs/${job.id}`)).body);
    const { body } = await call<{ data: unknown[] }>("GET", `/v1/jobs?channel=${channel}`);
    expect(body.data).toHaveLength(1);
  });
  await fc.assert(property, { numRuns: RUNS });
}, 60_000);
