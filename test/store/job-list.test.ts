import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { Job } from "../../src/core/job";
import { STATES } from "../../src/core/lifecycle";
import { TIMING } from "../../src/core/limits";
import type { JobFilter } from "../../src/core/operation";
import { listJobs } from "../../src/store/job-list";
import { newestOfChannel } from "../../src/store/jobs";
import { insertJobs, type NewJob } from "../../src/store/submit";
import { aNewJob } from "../support/factory";
import { changeRow, type Row } from "../support/rows";

const TASKS = ["generate", "embed"];
const CHANNELS = ["ann", "bob", null];
const TAGS = ["red", "green", "blue"];

const random = fc.sample(fc.nat(1_000), { numRuns: 600, seed: 42 });
let picked = 0;
function pick<T>(list: readonly T[]): T {
  picked += 1;
  return list[(random[picked % random.length] ?? 0) % list.length] as T;
}

type Known = { id: string; task: string; channel: string | null; tags: string[]; state: string };
const known: Known[] = [];

function aRandomJob(): NewJob {
  return aNewJob({
    task: pick(TASKS),
    channel: pick(CHANNELS),
    tags: TAGS.filter(() => pick([true, false])),
  });
}

async function insert(projectId: string, jobs: NewJob[]): Promise<void> {
  await insertJobs(env.DB, projectId, jobs, null, TIMING);
}

beforeAll(async () => {
  const jobs = Array.from({ length: 80 }, aRandomJob);
  await insert("list", jobs);
  await insert("neighbour", Array.from({ length: 20 }, aRandomJob));
  for (const { id, task, channel, tags } of jobs) {
    const state = pick(STATES);
    const final: Row = ["completed", "failed", "cancelled"].includes(state) ? { wake_at: null } : {};
    await changeRow(id, { state, ...final });
    known.push({ id, task, channel, tags, state });
  }
});

/** All pages. `between` is called after each. */
async function walk(filter: JobFilter, limit: number, between = async () => {}): Promise<Job[]> {
  const jobs: Job[] = [];
  let before: string | null = null;
  for (let pages = 0; pages < 200; pages++) {
    const page = await listJobs(env.DB, "list", filter, limit, before);
    expect(page.jobs.length).toBeLessThanOrEqual(limit);
    jobs.push(...page.jobs);
    if (page.next === null) return jobs;
    before = page.next;
    await between();
  }
  throw new Error("no end");
}

function matches(job: Known, filter: JobFilter): boolean {
  if (filter.tag !== undefined && !job.tags.includes(filter.tag)) return false;
  return (["state", "task", "channel"] as const).every(
    (name) => !(name in filter) || job[name] === filter[name],
  );
}

const expected = (filter: JobFilter) =>
  known
    .filter((job) => matches(job, filter))
    .map(({ id }) => id)
    .reverse();

const filters: fc.Arbitrary<JobFilter> = fc.record(
  {
    state: fc.constantFrom(...STATES),
    task: fc.constantFrom(...TASKS, "nothing"),
    channel: fc.constantFrom("ann", "bob", "nobody"),
    tag: fc.constantFrom(...TAGS, "none"),
  },
  { requiredKeys: [] },
);

describe("listJobs", () => {
  it("gives, over all pages, exactly the jobs that match, newest first", async () => {
    await fc.assert(
      fc.asyncProperty(filters, fc.integer({ min: 1, max: 30 }), async (filter, limit) => {
        expect((await walk(filter, limit)).map(({ id }) => id)).toEqual(expected(filter));
      }),
      { numRuns: 100 },
    );
  });

  it("repeats and loses none while new jobs come in between the pages", async () => {
    const before = expected({});
    const walked = await walk({}, 7, () => insert("list", [aRandomJob()]));
    expect(walked.map(({ id }) => id)).toEqual(before);
  });

  it("reads a bounded number of rows a page: an empty page may have more behind it", async () => {
    const jobs = Array.from({ length: 2_100 }, (_, i) => aNewJob({ task: i < 3 ? "rare" : "generate" }));
    for (let i = 0; i < jobs.length; i += 1_000) await insert("long", jobs.slice(i, i + 1_000));
    const first = await listJobs(env.DB, "long", { task: "rare" }, 10, null);
    expect(first.jobs).toEqual([]);
    expect(first.next).not.toBeNull();
    const second = await listJobs(env.DB, "long", { task: "rare" }, 10, first.next);
    expect(second.jobs.map(({ id }) => id)).toEqual(
      jobs
        .slice(0, 3)
        .map(({ id }) => id)
        .reverse(),
    );
    expect(second.next).toBeNull();
  });

  it("ends when the last page is just full", async () => {
    await insert("even", [aNewJob(), aNewJob()]);
    const page = await listJobs(env.DB, "even", {}, 2, null);
    const rest = await listJobs(env.DB, "even", {}, 2, page.next);
    expect([page.jobs.length, rest]).toEqual([2, { jobs: [], next: null }]);
  });

  it("gives nothing of another project", async () => {
    expect(await listJobs(env.DB, "empty", {}, 10, null)).toEqual({ jobs: [], next: null });
  });
});

describe("newestOfChannel", () => {
  it("gives the newest jobs of that channel", async () => {
    const jobs = Array.from({ length: 5 }, () => aNewJob({ channel: "snap" }));
    await insert("snapshots", [...jobs, aNewJob({ channel: "other" })]);
    const found = await newestOfChannel(env.DB, "snapshots", "snap", 3);
    expect(found.map(({ id }) => id)).toEqual([jobs[4]?.id, jobs[3]?.id, jobs[2]?.id]);
  });
});
