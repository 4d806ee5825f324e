// useJob() and useJobs(): jobs as they are now, by their events.

import { describe, expect, it, vi } from "vitest";
import { useJob, useJobs } from "../../client/src/react/index";
import type { Job } from "../../client/src/wire";
import { openBrowser, openPage, probe } from "../support/page";
import { dontPause, SpokenServer } from "../support/spoken-server";
import { moveOf, progressOf, wireJob } from "../support/wire-jobs";

const running = wireJob({ state: "running", reason: null, run: 1, attempt: 1, version: 2 });
const completed = wireJob({ ...running, state: "completed", version: 3 });
const output = { text: "Hello" };

const snapshot = (job: Job | null) => ({ type: "snapshot" as const, cursor: "1.0", job });
const newest = (...jobs: Job[]) => ({ type: "snapshot" as const, cursor: "1.0", channel: "c", jobs });

describe("useJob()", () => {
  async function watch({ isStrict = false, now = wireJob() } = {}) {
    openBrowser();
    const server = new SpokenServer();
    const said = { now };
    server.answers["GET /v1/jobs/j"] = () => Response.json(said.now);
    const seen = probe(() => useJob<{ text: string }>("j"));
    const page = await openPage(server.errand, seen.node, { isStrict });
    const shows = (part: Partial<Job>) => vi.waitFor(() => expect(seen.now.job).toMatchObject(part));
    return { server, said, seen, page, shows };
  }

  it("is loading, and then the job as it moves on, with its output at the end", async () => {
    const { server, said, seen, shows } = await watch();
    expect(seen.now).toEqual({ job: undefined, error: null, isLoading: true });
    const connection = await server.connection();
    connection.event(snapshot(wireJob()));
    await shows({ state: "pending" });
    said.now = running;
    connection.event(moveOf("job.started", running));
    await shows({ state: "running", version: 2 });
    connection.event(progressOf(running, 4));
    await shows({ progress: { done: 4, total: 9, message: null } });
    said.now = { ...completed, output };
    connection.event(moveOf("job.completed", completed));
    await shows({ state: "completed", output });
    expect(seen.now).toMatchObject({ isLoading: false, error: null });
  });

  it("never goes back to what was, whatever comes late", async () => {
    const { server, seen, shows } = await watch({ now: { ...completed, output } });
    const connection = await server.connection();
    connection.event(snapshot(completed));
    await shows({ output });
    connection.event(moveOf("job.started", running));
    connection.event(progressOf(running, 1));
    connection.event(snapshot(running));
    connection.event(snapshot(completed));
    const retried = wireJob({ ...completed, state: "pending", version: 4 });
    server.answers["GET /v1/jobs/j"] = () => Response.json(retried);
    connection.event(moveOf("job.submitted", retried));
    await shows({ version: 4 });
    const versions = seen.seen.flatMap(({ job }) => job?.version ?? []);
    expect(versions).toEqual(versions.toSorted());
    expect(seen.seen.filter(({ job }) => job?.version === 3 && job.progress !== null)).toEqual([]);
  });

  it("does not go back to an event that comes after a look has told more", async () => {
    const retried = wireJob({ ...running, run: 2, version: 5 });
    const { server, seen, shows } = await watch({ now: retried });
    const connection = await server.connection();
    connection.event(snapshot(wireJob()));
    await shows({ version: 5 });
    connection.event(moveOf("job.started", running));
    connection.event(moveOf("job.completed", completed));
    connection.event(progressOf(retried, 7));
    await vi.waitFor(() => expect(seen.now.job?.progress?.done).toBe(7));
    expect(seen.now.job).toMatchObject({ state: "running", version: 5 });
    const versions = seen.seen.flatMap(({ job }) => job?.version ?? []);
    expect(versions).toEqual(versions.toSorted());
  });

  it("has the output although the first tries to fetch it fail", async () => {
    dontPause();
    const { server, shows } = await watch();
    let tries = 0;
    server.answers["GET /v1/jobs/j"] = () =>
      ++tries < 3 ? new Response("", { status: 503 }) : Response.json({ ...completed, output });
    (await server.connection()).event(snapshot(completed));
    await shows({ output });
  });

  it("tells that there is no such job", async () => {
    const { server, seen } = await watch();
    const error = { code: "not_found", type: "not_found_error", message: "No such job." };
    server.answers["GET /v1/jobs/j"] = () => Response.json({ error }, { status: 404 });
    (await server.connection()).event(snapshot(null));
    await vi.waitFor(() =>
      expect(seen.now).toMatchObject({ isLoading: false, error: { name: "NotFoundError" } }),
    );
  });

  it("opens one connection in StrictMode, and leaves none open", async () => {
    const { server, page, shows } = await watch({ isStrict: true });
    (await server.connection()).event(snapshot(wireJob()));
    await shows({ state: "pending" });
    expect(server.connections).toHaveLength(1);
    await page.close();
    await vi.waitFor(() => expect(server.open).toEqual([]));
  });

  it("asks for nothing without an id", async () => {
    openBrowser();
    const server = new SpokenServer();
    const seen = probe(() => useJob(undefined));
    await openPage(server.errand, seen.node);
    expect(seen.now).toEqual({ job: undefined, error: null, isLoading: false });
    expect(server.connections).toEqual([]);
  });
});

describe("useJobs()", () => {
  const [old, mid, young] = ["job_1", "job_2", "job_3"].map((id) => wireJob({ id })) as [Job, Job, Job];

  async function watch() {
    openBrowser();
    const server = new SpokenServer();
    const seen = probe(() => useJobs({ channel: "c" }));
    const page = await openPage(server.errand, seen.node);
    const shows = (...jobs: Partial<Job>[]) =>
      vi.waitFor(() =>
        expect(seen.now.jobs.map(({ id, state }) => ({ id, state }))).toEqual(
          jobs.map(({ id, state }) => ({ id, state })),
        ),
      );
    const answerList = (...jobs: Job[]) => {
      const page = { object: "list", data: jobs, has_more: false, next_cursor: null };
      server.answers["GET /v1/jobs"] = () => Response.json(page);
    };
    return { server, seen, page, shows, answerList };
  }

  it("are the newest of the channel, as each of them moves on", async () => {
    const { server, seen, shows } = await watch();
    expect(seen.now).toEqual({ jobs: [], error: null, isLoading: true });
    const connection = await server.connection();
    expect(connection.url.searchParams.get("channel")).toBe("c");
    connection.event(newest(mid, old));
    await shows(mid, old);
    const moved = wireJob({ ...old, state: "running", run: 1, version: 2 });
    connection.event(moveOf("job.started", moved));
    await shows(mid, moved);
    connection.event(progressOf(moved, 5));
    await vi.waitFor(() => expect(seen.now.jobs[1]?.progress?.done).toBe(5));
    connection.event(moveOf("job.completed", { ...moved, state: "completed", version: 3 }));
    await shows(mid, { ...old, state: "completed" });
    expect(server.calls).toEqual([]);
  });

  it("have a new one first, in the state in which it is by then", async () => {
    const { server, shows, answerList } = await watch();
    const connection = await server.connection();
    connection.event(newest(old));
    await shows(old);
    const cancelled = wireJob({ ...young, state: "cancelled", version: 2 });
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const page = { object: "list", data: [young, mid, old], has_more: false, next_cursor: null };
    // The list was read before the next event, and arrives after it.
    server.answers["GET /v1/jobs"] = () => held.then(() => Response.json(page));
    connection.event(moveOf("job.submitted", young));
    await vi.waitFor(() => expect(server.calls).toHaveLength(1));
    connection.event(moveOf("job.cancelled", cancelled));
    connection.event(moveOf("job.started", wireJob({ ...old, state: "running", version: 2 })));
    await shows({ ...old, state: "running" });
    answerList(cancelled, mid, old);
    release();
    await shows(cancelled, mid, { ...old, state: "running" });
    expect(server.calls.every(({ url }) => url.search === "?channel=c&limit=100")).toBe(true);
  });

  it("hang up when the component goes, and tell why they cannot be read", async () => {
    const { server, page } = await watch();
    await server.connection();
    await page.close();
    await vi.waitFor(() => expect(server.open).toEqual([]));
    const refusing = new SpokenServer();
    const error = { code: "forbidden", type: "permission_error", message: "Not this channel." };
    refusing.answers["GET /v1/events"] = () => Response.json({ error }, { status: 403 });
    const seen = probe(() => useJobs({ channel: "d" }));
    await openPage(refusing.errand, seen.node);
    await vi.waitFor(() =>
      expect(seen.now).toMatchObject({ isLoading: false, error: { name: "PermissionError" } }),
    );
  });
});
