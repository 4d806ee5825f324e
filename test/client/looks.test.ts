import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { gaps, scripted, settle } from "../support/scripted-fetch";

// No Worker takes part here, whose clock would stand still as well.
beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(0);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const INPUT = { prompt: "a" };
const job = (state: string) => ({ id: "job_1", state, output: state === "completed" ? { text: "b" } : null });

/** No events get through, and a look at the job gives what `look` says of the nth. */
function lookedAt(look: (nth: number) => Response | Promise<Response>) {
  const looks: number[] = [];
  const answer = (url: string, { method }: RequestInit) => {
    if (method === "POST") return Response.json(job("pending"), { status: 202 });
    if (url.endsWith("/events")) throw new TypeError("connection refused");
    looks.push(Date.now());
    return look(looks.length);
  };
  return { ...scripted([answer], { maxRetries: 0 }), looks };
}

describe("run, where no events get through", () => {
  it("looks after 0.5 s, 1 s, 2 s, 4 s, and every 5 s then", async () => {
    const { errand, looks } = lookedAt((nth) => Response.json(job(nth < 8 ? "running" : "completed")));
    expect(await settle(errand.jobs.run("generate", INPUT))).toMatchObject(job("completed"));
    expect(gaps(looks)).toEqual([500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
  });

  it("goes on looking while the API is away, because the job goes on", async () => {
    const away = () => Response.json({}, { status: 503 });
    const { errand } = lookedAt((nth) => (nth % 10 === 0 ? Response.json(job("running")) : away()));
    const { signal, leave } = leaving();
    const ended = expect(errand.jobs.run("generate", INPUT, { signal })).rejects.toThrow("left");
    await vi.advanceTimersByTimeAsync(300_000);
    leave();
    await ended;
  });

  it("gives up after ten looks in a row that fail, and says with what", async () => {
    const refused = () => Promise.reject(new TypeError("connection refused"));
    const { errand, looks } = lookedAt((nth) => (nth === 1 ? Response.json(job("running")) : refused()));
    expect(await settle(errand.jobs.run("generate", INPUT))).toMatchObject({ name: "ConnectionError" });
    expect(looks).toHaveLength(11);
  });

  it("says at once that the job was erased", async () => {
    const error = { message: "No such job.", type: "not_found_error", code: "not_found", param: null };
    const { errand, looks } = lookedAt(() => Response.json({ error }, { status: 404 }));
    expect(await settle(errand.jobs.run("generate", INPUT))).toMatchObject({ name: "NotFoundError" });
    expect(looks).toHaveLength(1);
  });

  it("leaves no timer behind when its signal aborts between two looks", async () => {
    const { errand } = lookedAt(() => Response.json(job("running")));
    const { signal, leave } = leaving();
    const ended = expect(errand.jobs.run("generate", INPUT, { signal })).rejects.toThrow("left");
    await vi.advanceTimersByTimeAsync(700);
    leave();
    await ended;
    expect(vi.getTimerCount()).toBe(0);
  });

  function leaving() {
    const controller = new AbortController();
    return { signal: controller.signal, leave: () => controller.abort(new Error("left")) };
  }
});
