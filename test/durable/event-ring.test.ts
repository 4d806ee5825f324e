import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { type JobEvent, moveEvent } from "../../src/core/events";
import { aJob } from "../support/factory";
import { listenTo } from "../support/listener";

const AT = 1_700_000_000_000;
let hub = "";
let hubs = 0;
beforeEach(() => {
  hubs += 1;
  hub = `default/channel/ring-${hubs}`;
});

const stub = () => env.EVENT_HUB.getByName(hub);
const submitted = (id: string) => moveEvent(aJob({ id }), AT);
const started = (id: string, run: number) => moveEvent(aJob({ id, state: "running", run }), AT);
const progress = (job_id: string, run: number): JobEvent => {
  return {
    type: "job.progress",
    job_id,
    version: run + 1,
    at: "",
    run,
    done: run,
    total: null,
    message: null,
  };
};

describe("a hub that is told to forget a job", () => {
  it("replays the others to whoever comes back, from the same cursors", async () => {
    const first = await listenTo(hub, { channel: "ring" });
    await stub().publish([submitted("a"), submitted("b"), submitted("c")]);
    await stub().publish([submitted("b"), submitted("d")]);
    await first.types(6);
    const cursors = first.events().map(({ cursor }) => cursor);
    await stub().forget(["b"]);
    for (const [from, left] of [
      [0, ["c", "d"]],
      [1, ["c", "d"]],
      [3, ["d"]],
      [4, []],
    ] as const) {
      const back = await listenTo(hub, { channel: "ring", since: cursors[from] ?? "" });
      await back.types(1 + left.length);
      expect(back.frames.map(({ type }) => type)).not.toContain("reset");
      expect(back.events().map(({ job_id }) => job_id)).toEqual(left);
    }
  });

  it("writes nothing when it has never heard of the job", async () => {
    await stub().publish([submitted("a")]);
    await stub().forget(["nobody"]);
    const back = await listenTo(hub, { channel: "ring", since: "0.-1" });
    expect((await back.types(1)).length).toBeGreaterThan(0);
  });
});

describe("a run that has lost its job", () => {
  it("is not heard any more once the next one has begun", async () => {
    const listener = await listenTo(hub, { job: "job_1" });
    await stub().publish([started("job_1", 1), progress("job_1", 1), started("job_1", 2)]);
    await stub().publish([progress("job_1", 1), progress("job_1", 2)]);
    await listener.types(5);
    expect(listener.events().map(({ type, run }) => [type, run])).toEqual([
      ["job.started", 1],
      ["job.progress", 1],
      ["job.started", 2],
      ["job.progress", 2],
    ]);
  });
});
