// useSubmit(): one job for one wish.

import { createElement, useEffect } from "react";
import { expect, expectTypeOf, it, vi } from "vitest";
import type { GenerateInput, GenerateOutput, Job } from "../../client/src/index";
import { useErrand, useSubmit } from "../../client/src/react/index";
import { openBrowser, openPage, probe } from "../support/page";
import { SpokenServer } from "../support/spoken-server";
import { wireJob } from "../support/wire-jobs";

const TEA = { prompt: "tea" };

async function open() {
  openBrowser();
  const server = new SpokenServer();
  server.answers["POST /v1/jobs"] = () => Response.json(wireJob({ id: `job_${server.calls.length}` }));
  const seen = probe(() => useSubmit("generate"));
  await openPage(server.errand, seen.node);
  return { server, seen };
}

it("submits, and then has the job", async () => {
  const { server, seen } = await open();
  expect(seen.now).toMatchObject({ job: undefined, isSubmitting: false, error: null });
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  server.answers["POST /v1/jobs"] = () => held.then(() => Response.json(wireJob({ id: "job_1" })));
  const answer = seen.now.submit(TEA, { channel: "c" });
  await vi.waitFor(() => expect(seen.now.isSubmitting).toBe(true));
  release();
  expect(await answer).toMatchObject({ id: "job_1" });
  await vi.waitFor(() => expect(seen.now).toMatchObject({ job: { id: "job_1" }, isSubmitting: false }));
  expect(server.calls[0]?.body).toEqual({ task: "generate", input: TEA, channel: "c" });
  seen.now.reset();
  await vi.waitFor(() => expect(seen.now).toMatchObject({ job: undefined, error: null }));
});

it("makes one job of a double click, and two of two wishes", async () => {
  const { server, seen } = await open();
  const jobs = await Promise.all([seen.now.submit(TEA), seen.now.submit(TEA)]);
  expect(jobs.map((job) => job?.id)).toEqual(["job_1", "job_1"]);
  expect(server.calls).toHaveLength(1);
  await Promise.all([seen.now.submit(TEA), seen.now.submit({ prompt: "coffee" })]);
  await seen.now.submit(TEA);
  expect(server.calls).toHaveLength(4);
});

it("submits once from an effect in StrictMode", async () => {
  openBrowser();
  const server = new SpokenServer();
  server.answers["POST /v1/jobs"] = () => Response.json(wireJob());
  const effects = vi.fn();
  const seen = probe(() => {
    const submitting = useSubmit("generate");
    const { submit } = submitting;
    useEffect(() => {
      effects();
      void submit(TEA);
    }, [submit]);
    return submitting;
  });
  await openPage(server.errand, seen.node, { isStrict: true });
  await vi.waitFor(() => expect(seen.now.job?.id).toBe("j"));
  expect(effects).toHaveBeenCalledTimes(2);
  expect(server.calls).toHaveLength(1);
});

it("has the error of a submit that failed, and throws nothing", async () => {
  const { server, seen } = await open();
  const error = { code: "invalid_request", type: "invalid_request_error", message: "No.", param: "input" };
  server.answers["POST /v1/jobs"] = () => Response.json({ error }, { status: 400 });
  expect(await seen.now.submit(TEA)).toBeNull();
  await vi.waitFor(() => expect(seen.now).toMatchObject({ error: { param: "input" }, isSubmitting: false }));
  server.answers["POST /v1/jobs"] = () => Response.json(wireJob());
  await seen.now.submit(TEA);
  await vi.waitFor(() => expect(seen.now).toMatchObject({ error: null, job: { id: "j" } }));
});

it("shows the latest of several, and after a reset none of those before", async () => {
  const { server, seen } = await open();
  const releases: (() => void)[] = [];
  server.answers["POST /v1/jobs"] = ({ body }) =>
    new Promise((resolve) => {
      const { prompt } = (body as { input: { prompt: string } }).input;
      releases.push(() => resolve(Response.json(wireJob({ id: prompt }))));
    });
  const [slow, fast] = [seen.now.submit({ prompt: "slow" }), seen.now.submit({ prompt: "fast" })];
  await vi.waitFor(() => expect(releases).toHaveLength(2));
  releases[1]?.();
  await fast;
  await vi.waitFor(() => expect(seen.now.job?.id).toBe("fast"));
  releases[0]?.();
  expect((await slow)?.id).toBe("slow");
  const left = seen.now.submit({ prompt: "left" });
  await vi.waitFor(() => expect(releases).toHaveLength(3));
  seen.now.reset();
  releases[2]?.();
  expect((await left)?.id).toBe("left");
  expect(seen.seen.flatMap(({ job }) => job?.id ?? [])).not.toContain("slow");
  await vi.waitFor(() => expect(seen.now).toMatchObject({ job: undefined, isSubmitting: false }));
  expect(seen.seen.flatMap(({ job }) => job?.id ?? [])).not.toContain("left");
});

it("is typed by the task", () => {
  type Generate = ReturnType<typeof useSubmit<"generate">>;
  expectTypeOf<Parameters<Generate["submit"]>[0]>().toEqualTypeOf<GenerateInput>();
  expectTypeOf<Generate["job"]>().toEqualTypeOf<Job<GenerateOutput> | undefined>();
  // @ts-expect-error: no such task
  const misspelt = () => useSubmit("generat");
  expect(misspelt).toThrow();
});

it("says what is missing when there is no provider", async () => {
  openBrowser();
  const Lost = () => createElement("p", null, String(useErrand()));
  const { renderToString } = await import("react-dom/server");
  expect(() => renderToString(createElement(Lost))).toThrow("<ErrandProvider");
});
