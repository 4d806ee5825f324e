import { describe, expect, it } from "vitest";
import { bulkSchema, submitSchema } from "../../src/contract/submit";
import { plainText } from "../../src/contract/text";
import { LIMITS } from "../../src/core/limits";

const request = { task: "generate", input: { prompt: "Tea" } };

function problems(schema: typeof submitSchema | typeof bulkSchema, body: unknown): string[] {
  return (schema.safeParse(body).error?.issues ?? []).map(({ path }) => path.join("."));
}

describe("submitSchema", () => {
  it("takes the least, and fills in nothing", () => {
    expect(submitSchema.parse(request)).toEqual(request);
  });

  it("takes everything at its bounds", () => {
    const full = {
      ...request,
      ...{
        channel: "c".repeat(LIMITS.channelLength),
        tags: Array.from({ length: LIMITS.tags }, (_, i) => `t${i}`),
      },
      ...{
        metadata: { a: { b: [1] } },
        lane: "bulk",
        priority: -100,
        delay_s: LIMITS.delayS,
        max_attempts: 100,
      },
      ...{ expires_in_s: LIMITS.expiresInS, timeout_s: LIMITS.timeoutS, stream: true },
    };
    expect(submitSchema.parse(full)).toEqual(full);
  });

  it.each<[string, object]>([
    ["task", { task: "" }],
    ["channel", { channel: "" }],
    ["channel", { channel: "c".repeat(LIMITS.channelLength + 1) }],
    ["channel", { channel: "a\u0000b" }],
    ["tags", { tags: Array.from({ length: LIMITS.tags + 1 }, (_, i) => `t${i}`) }],
    ["tags.0", { tags: ["t".repeat(LIMITS.tagLength + 1)] }],
    ["metadata", { metadata: { a: "é".repeat(LIMITS.metadataBytes / 2) } }],
    ["metadata", { metadata: [] }],
    ["lane", { lane: "fast" }],
    ["priority", { priority: 101 }],
    ["priority", { priority: 0.5 }],
    ["run_at", { run_at: "tomorrow" }],
    ["delay_s", { delay_s: -1 }],
    ["delay_s", { delay_s: LIMITS.delayS + 1 }],
    ["delay_s", { delay_s: 1, run_at: "2030-01-01T00:00:00Z" }],
    ["expires_in_s", { expires_in_s: 0 }],
    ["max_attempts", { max_attempts: 0 }],
    ["max_attempts", { max_attempts: LIMITS.maxAttempts + 1 }],
    ["timeout_s", { timeout_s: 0.5 }],
    ["timeout_s", { timeout_s: LIMITS.timeoutS + 1 }],
    ["stream", { stream: "yes" }],
    ["", { nonsense: 1 }],
    ["", { idempotency_key: "in the header, please" }],
  ])("names %j for %j", (path, over) => {
    expect(problems(submitSchema, { ...request, ...over })).toEqual([path]);
  });
});

describe("bulkSchema", () => {
  it("takes up to a thousand jobs with keys of their own", () => {
    const jobs = Array.from({ length: LIMITS.bulkJobs }, (_, i) => ({
      ...request,
      idempotency_key: `k${i}`,
    }));
    expect(bulkSchema.parse({ jobs }).jobs).toHaveLength(LIMITS.bulkJobs);
    expect(problems(bulkSchema, { jobs: [...jobs, request] })).toEqual(["jobs"]);
    expect(problems(bulkSchema, { jobs: [] })).toEqual(["jobs"]);
  });

  it("names the place of each problem", () => {
    const jobs = [
      request,
      { ...request, priority: 1e9 },
      { ...request, delay_s: 1, run_at: "2030-01-01T00:00:00Z" },
    ];
    expect(problems(bulkSchema, { jobs })).toEqual(["jobs.1.priority", "jobs.2.delay_s"]);
  });
});

describe("plainText", () => {
  it.each(["a", "user-42", "Zoë Łukasz 東京", "\u{1f600}", " "])("takes %j", (text) => {
    expect(plainText(30).safeParse(text).success).toBe(true);
  });

  it.each(["", "a\nb", "\u0000", "\u007f", "\ud800", "x\udfff", "x".repeat(31)])("refuses %j", (text) => {
    expect(plainText(30).safeParse(text).success).toBe(false);
  });
});
