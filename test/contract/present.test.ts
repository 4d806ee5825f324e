import { describe, expect, it } from "vitest";
import { jobSchema } from "../../src/contract/job";
import { presentJob, presentWholeJob } from "../../src/contract/present";
import type { WholeJob } from "../../src/core/job";
import { SHOWN_OUTPUT_BYTES } from "../../src/core/limits";
import { aJob } from "../support/factory";

const aWholeJob = (over: Partial<WholeJob> = {}): WholeJob => {
  return { ...aJob(), attempts: [], turnState: null, input: '"secret"', output: null, ...over };
};

describe("presentJob", () => {
  it("gives what the schema promises", () => {
    const usage = {
      input_tokens: 1,
      output_tokens: 2,
      cached_tokens: 0,
      reasoning_tokens: 0,
      cost_usd: null,
    };
    const job = aJob({
      state: "completed",
      reason: null,
      finishedAt: 2_000,
      startedAt: 1_500,
      usage,
      outputBytes: 3,
    });
    const shown = presentJob(job);
    expect(jobSchema.parse(shown)).toEqual(shown);
    expect(shown).toMatchObject({
      ...{
        object: "job",
        timeout_s: 60,
        created_at: "1970-01-01T00:00:01.000Z",
        started_at: "1970-01-01T00:00:01.500Z",
      },
      ...{
        finished_at: "1970-01-01T00:00:02.000Z",
        expires_at: null,
        output_url: `/v1/jobs/${job.id}/output`,
      },
    });
  });

  it("names no output before there is one", () => {
    expect(presentJob(aJob())).toMatchObject({ output: null, output_bytes: null, output_url: null });
  });

  it("tells a scheduled job from one whose time has come", () => {
    const job = aJob({ reason: "scheduled", runAt: 5_000, readAt: 4_999 });
    expect(presentJob(job).reason).toBe("scheduled");
    expect(presentJob({ ...job, readAt: 5_000 }).reason).toBe("queued");
    expect(presentJob(aJob({ reason: "retrying", runAt: 1 })).reason).toBe("retrying");
  });

  it("keeps the database's own columns to itself", () => {
    const shown = JSON.stringify(presentWholeJob(aWholeJob({ inputKey: "in", outputKey: "out" }), null));
    expect(shown).not.toMatch(/secret|lease|input_key|output_key|turn|crashes|idempotency|"in"|"out"/);
  });
});

describe("presentWholeJob", () => {
  it.each([
    [SHOWN_OUTPUT_BYTES, { text: "hello" }],
    [SHOWN_OUTPUT_BYTES + 1, null],
  ])("shows an output of %i bytes, or only where it is", (outputBytes, output) => {
    const shown = presentWholeJob(aWholeJob({ outputBytes }), '{"text":"hello"}');
    expect(shown.output).toEqual(output);
    expect(shown.output_url).not.toBeNull();
  });

  it("shows the attempts", () => {
    const usage = { input_tokens: 1, output_tokens: 2, cached_tokens: 0, reasoning_tokens: 0, cost_usd: 0 };
    const at = "1970-01-01T00:00:01.000Z";
    const attempt = { attempt: 1, started_at: at, ended_at: at, error: null, model: "m", usage };
    const shown = presentWholeJob(aWholeJob({ attempts: [attempt] }), null);
    expect(jobSchema.parse(shown).attempts).toEqual([attempt]);
  });
});
