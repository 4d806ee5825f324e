// A job with several places to go: key after key, model after model, until one of them answers.

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { WholeJob } from "../../src/core/job";
import { rerunJobs } from "../../src/store/moves";
import { answer, failure } from "../llm/fake-provider";
import { movesTold } from "../support/deps";
import { theJob } from "../support/rows";
import { runs, scripted, submitted } from "../support/scripted-providers";

const place = ({ model, pool }: WholeJob) => [model, pool];

describe("a job by an alias of several models", () => {
  it("goes from key to key and model to model, and remembers every step", async () => {
    const deps = scripted({ K1: [() => failure(500)], K2: [() => failure(429)], K3: [answer] });
    const job = await submitted(deps);
    expect(place(job)).toEqual(["main/large", "main/large"]);
    const seen = await runs(deps, job);
    const end = seen.at(-1);
    expect(deps.called).toEqual(["K1", "K1", "K2", "K2", "K3"]);
    expect(seen.map(place)).toEqual([
      ["main/large", "main/large"],
      ["main/large", "main/large#K2"],
      ["main/large", "main/large#K2"],
      ["spare/small", null],
      ["spare/small", null],
    ]);
    expect(end).toMatchObject({ state: "completed", attempt: 3, run: 5 });
    expect(end?.attempts.map(({ attempt, model, key, error }) => [attempt, model, key, error?.code])).toEqual(
      [
        [1, "main/large", "K1", "provider_error"],
        [2, "main/large", "K1", "provider_error"],
        [3, "main/large", "K2", "provider_rate_limited"],
        [3, "main/large", "K2", "provider_rate_limited"],
        [3, "spare/small", undefined, undefined],
      ],
    );
    expect(JSON.parse(end?.output ?? "")).toMatchObject({ text: "Hello there", model: "spare/small" });
    // 100 tokens at $2 and 10 at $20 a million: the price of the model that answered.
    expect(end?.usage).toMatchObject({ input_tokens: 100, cost_usd: 0.0004 });
    expect(movesTold(deps, job.id).filter((type) => type === "job.retrying")).toHaveLength(4);
    expect(JSON.stringify(end)).not.toContain("sk-");
  });

  it("waits before it tries the same target again, and not before it tries another", async () => {
    const deps = scripted({ K1: [() => failure(500)] }, { random: () => 0.49 });
    const job = await submitted(deps);
    const [first, second] = await runs(deps, job, 2);
    expect((first?.runAt ?? 0) - (first?.readAt ?? 0)).toBeGreaterThan(300);
    expect((second?.runAt ?? 0) - (second?.readAt ?? 0)).toBeLessThanOrEqual(0);
  });

  it("leaves a key that is refused at once, and the model whose context is too short for good", async () => {
    const tooLong = () => failure(400, { code: "context_length_exceeded" });
    const deps = scripted({ K1: [() => failure(401)], K2: [tooLong], K3: [() => failure(500), answer] });
    const end = (await runs(deps, await submitted(deps))).at(-1);
    expect(deps.called).toEqual(["K1", "K2", "K3", "K3"]);
    expect(end).toMatchObject({ state: "completed", attempt: 4, model: "spare/small" });
  });

  it("fails when its attempts are used up, wherever it is by then", async () => {
    const deps = scripted({});
    const end = (await runs(deps, await submitted(deps, { max_attempts: 4 }))).at(-1);
    expect(end).toMatchObject({ state: "failed", attempt: 4, error: { code: "provider_error" } });
    expect(deps.called).toEqual(["K1", "K1", "K2", "K2"]);
  });

  it("is not sent elsewhere with what was refused for its content", async () => {
    const deps = scripted({ K1: [() => failure(400, { code: "content_filter" })] });
    expect((await runs(deps, await submitted(deps))).at(-1)).toMatchObject({ state: "failed", attempt: 1 });
    expect(deps.called).toEqual(["K1"]);
  });

  it("fails by the error of its last target when none could do anything", async () => {
    const deps = scripted({ K1: [() => failure(401)], K2: [() => failure(401)], K3: [() => failure(404)] });
    const end = (await runs(deps, await submitted(deps))).at(-1);
    expect(end).toMatchObject({ state: "failed", attempt: 3, error: { code: "provider_not_found" } });
  });

  it("goes on where it failed when it is retried by hand, and may go to all its targets again", async () => {
    const deps = scripted({ K1: [() => failure(401)], K2: [() => failure(401)], K3: [() => failure(401)] });
    const failed = (await runs(deps, await submitted(deps))).at(-1) as WholeJob;
    await rerunJobs(env.DB, [{ ...failed, delayMs: 0 }], deps.config.timing);
    const mended = scripted({ K1: [answer], K2: [() => failure(401)], K3: [() => failure(401)] });
    expect((await runs(mended, await theJob(failed.id))).at(-1)).toMatchObject({ state: "completed" });
    expect(mended.called).toEqual(["K3", "K1"]);
  });
});
