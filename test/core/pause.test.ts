import { describe, expect, it } from "vitest";
import { covers, type Pause } from "../../src/core/pause";

const jobs = { projectId: "acme", task: "generate", pool: "openai/gpt-5" };
const of = (scope: Pause["scope"], name: string, projectId: string | null): Pause => ({
  id: "pau_1",
  projectId,
  scope,
  name,
  createdAt: 1,
});

describe("covers", () => {
  it.each([
    [of("project", "", "acme"), true],
    [of("project", "", "zenith"), false],
    [of("task", "generate", "acme"), true],
    [of("task", "generate", "zenith"), false],
    [of("task", "generate", null), true],
    [of("task", "embed", null), false],
    [of("pool", "openai/gpt-5", null), true],
    [of("pool", "generate", null), false],
  ])("says of %j: %s", (pause, expected) => {
    expect(covers(pause, jobs)).toBe(expected);
  });

  it("says that jobs without a model are in no pool", () => {
    expect(covers(of("pool", "", null), { ...jobs, pool: null })).toBe(false);
  });
});
