// Summaries of long texts, end to end: chunks, levels, citations, and what they cost when calls fail.

import { describe, expect, it } from "vitest";
import type { JobOnWire } from "../../src/contract/job";
import { cancelAll } from "../../src/engine/cancel";
import { retry } from "../../src/engine/retry";
import type { SummarizeOutput } from "../../src/tasks/summarize/input";
import { ringFor } from "../support/deps";
import { runRung } from "../support/families";
import { call, finish, type List } from "../support/http-client";
import {
  childrenOf,
  factOf,
  KEEPER,
  outputOf,
  planted,
  prose,
  runLongText,
  storedLongText,
  WORD,
  watchedDeps,
} from "../support/long-texts";
import { theJob } from "../support/rows";

const factsIn = (text: string) => new Set(text.match(new RegExp(`${WORD}-\\d+ `, "g")));

/** As a reader follows them: the number behind a statement, and what stands at its place in the source. */
function proofs({ summary, citations = [] }: SummarizeOutput, text: string): [said: string, found: string][] {
  return summary.split("\n").flatMap((line) =>
    [...line.matchAll(/\[(\d+)\]/g)].map(([, n]): [string, string] => {
      const cited = citations.find((citation) => citation.n === Number(n));
      return [line, text.slice(cited?.start, cited?.end)];
    }),
  );
}

describe("a text of 300 pages", () => {
  const chunkTokens = 1_000;
  const { text, facts } = planted(900_000, 60, chunkTokens);

  it("is summarized over several levels: no planted fact is lost, each is cited, and a call that fails is tried again and nothing is paid twice", async () => {
    const { deps, calls } = watchedDeps();
    const job = await runLongText(
      deps,
      "summarize",
      { text, model: `${KEEPER},rate=0.03`, max_chunk_tokens: chunkTokens },
      // Which calls fail follows from the ids.
      "job_01K00000000000000000000003",
    );
    const output = await outputOf<SummarizeOutput>(job);
    expect([...factsIn(output.summary)].length).toBe(facts.length);
    expect(output.chunks).toBeGreaterThan(200);
    expect(output.levels).toBeGreaterThan(2);
    expect(output).toMatchObject({
      source: { kind: "text", chars: text.length },
      model: expect.stringMatching(/^seen\/chat/),
    });

    const proven = proofs(output, text);
    expect(proven.length).toBeGreaterThanOrEqual(facts.length);
    for (const [said, found] of proven) {
      const fact = said.match(new RegExp(`${WORD}-\\d+ `))?.[0] ?? "nothing";
      expect(found).toContain(fact);
    }

    const failed = calls.filter(({ status }) => status !== 200);
    expect(failed.length).toBeGreaterThan(2);
    const children = await childrenOf(job.id);
    expect(calls.length - failed.length).toBe(children.length);
    expect(new Set(children.map(({ lines }) => lines))).toEqual(new Set([1]));
    expect(job.children).toMatchObject({ total: children.length, completed: children.length, failed: 0 });
  });
});

describe("a text that is sent again after an edit", () => {
  it("is asked of the model where it has changed, and nowhere else", async () => {
    const { deps, calls } = watchedDeps();
    const { text } = planted(60_000, 10, 400);
    const ask = { model: KEEPER, max_chunk_tokens: 400, cache: undefined };
    const first = await runLongText(deps, "summarize", { ...ask, text });
    const asked = calls.splice(0).length;
    const { chunks } = await outputOf<SummarizeOutput>(first);
    const again = await runLongText(deps, "summarize", { ...ask, text });
    expect(await outputOf<SummarizeOutput>(again)).toEqual(await outputOf<SummarizeOutput>(first));
    expect(calls).toEqual([]);
    const edited = await runLongText(deps, "summarize", { ...ask, text: `${text}\n\n${factOf(999)}` });
    expect((await outputOf<SummarizeOutput>(edited)).summary).toContain(`${WORD}-999`);
    expect(calls.length).toBeLessThan(asked - chunks / 2);
    calls.length = 0;
    await runLongText(deps, "summarize", { ...ask, text, cache: { mode: "off" } });
    expect(calls).toHaveLength(asked);
  });
});

describe("a summary", () => {
  it("of a short text is one call, and cites the passages of the text", async () => {
    const { deps, calls } = watchedDeps();
    const text = [prose(900)[0], factOf(1), ...prose(900, 2), factOf(2)].join("\n\n");
    const job = await runLongText(deps, "summarize", { text });
    const output = await outputOf<SummarizeOutput>(job);
    expect(output).toMatchObject({ chunks: 1, levels: 1 });
    expect(output.summary).toMatch(/^KEEPSAKE-1 .* \[1\]\.\nKEEPSAKE-2 .* \[2\]\.$/);
    for (const { start, quote } of output.citations ?? []) {
      expect(quote.endsWith("…")).toBe(true);
      expect(text.slice(start).replace(/\s+/g, " ")).toContain(quote.slice(0, -1));
    }
    expect(output.citations?.map(({ n }) => n)).toEqual([1, 2]);
    expect(calls).toHaveLength(1);
  });

  it("by a model that cites nothing, or what is not there, cites its chunk as a whole", async () => {
    const { deps } = watchedDeps();
    const model = "seen/chat!reply=Lamps burn [99].";
    const job = await runLongText(deps, "summarize", { text: factOf(1), model });
    expect(await outputOf<SummarizeOutput>(job)).toMatchObject({
      summary: "Lamps burn. [1]",
      citations: [{ n: 1, start: 0, end: factOf(1).length, quote: factOf(1) }],
    });
  });

  it("without citations has no marks and asks for none", async () => {
    const { deps, calls } = watchedDeps();
    const { text } = planted(12_000, 6, 400);
    const job = await runLongText(deps, "summarize", { text, citations: false, max_chunk_tokens: 400 });
    const output = await outputOf<SummarizeOutput>(job);
    expect(factsIn(output.summary).size).toBe(6);
    expect(output).not.toHaveProperty("citations");
    expect(calls.filter(({ prompt }) => /\[\d+\]/.test(prompt))).toEqual([]);
  });

  it("has as many levels as it takes when hardly anything fits into a call", async () => {
    const { deps } = watchedDeps();
    const { text } = planted(24_000, 60, 100);
    const job = await runLongText(deps, "summarize", { text, max_chunk_tokens: 100 });
    const output = await outputOf<SummarizeOutput>(job);
    expect(factsIn(output.summary).size).toBe(60);
    expect(output.levels).toBeGreaterThan(4);
  });

  it("asks the same of a chunk wherever it stands, and the same of a group of notes", async () => {
    const [first, second] = [watchedDeps(), watchedDeps()];
    const { text } = planted(20_000, 8, 400);
    const settings = { max_chunk_tokens: 400, overlap_tokens: 0 };
    await runLongText(first.deps, "summarize", { text, ...settings });
    await runLongText(second.deps, "summarize", {
      text: `${prose(3_000, 9).join("\n\n")}\n\n${text}`,
      ...settings,
    });
    const known = new Set(first.calls.map(({ prompt }) => prompt));
    const again = second.calls.filter(({ prompt }) => known.has(prompt));
    expect(again.length).toBeGreaterThan(first.calls.length * 0.7);
  });

  it("that is cancelled takes its chunks with it", async () => {
    const { deps, calls } = watchedDeps();
    const { text } = planted(20_000, 3, 400);
    const job = await storedLongText("summarize", { text, max_chunk_tokens: 400 });
    await ringFor(deps, job);
    expect(await theJob(job.id)).toMatchObject({ state: "waiting" });
    await cancelAll(deps, [await theJob(job.id)]);
    await runRung(deps);
    const { state, children } = await theJob(job.id);
    expect(state).toBe("cancelled");
    expect(children?.cancelled).toBe(children?.total);
    expect(calls).toEqual([]);
  });
});

describe("a chunk that fails for good", () => {
  const settings = { max_chunk_tokens: 400, overlap_tokens: 0 };
  const { text } = planted(20_000, 10, 400);
  const isOf = (fact: string) => (call: { prompt: string; status: number }) => call.prompt.includes(fact);

  it("fails the job, and a retry redoes what did not complete: what was answered is not paid for again", async () => {
    const { deps, calls, spoiled } = watchedDeps();
    spoiled.add(`${WORD}-7 `);
    const job = await runLongText(deps, "summarize", { text, ...settings });
    expect(job).toMatchObject({ state: "failed", error: { code: "child_failed" } });
    expect(job.error?.message).toMatch(/\(chunk-\d+\) failed with provider_bad_request/);
    const paid = calls.filter(({ status }) => status === 200).map((call) => call.job);
    spoiled.clear();
    await retry(deps, job);
    await runRung(deps);
    const output = await outputOf<SummarizeOutput>(await theJob(job.id));
    expect(factsIn(output.summary).size).toBe(10);
    expect(calls.slice(-1).every(({ status }) => status === 200)).toBe(true);
    const answered = calls.filter(({ status }) => status === 200).map((call) => call.job);
    expect(paid.length).toBeGreaterThan(0);
    expect(new Set(answered).size).toBe(answered.length);
    const children = await childrenOf(job.id);
    expect(new Set(children.map(({ lines }) => lines))).toEqual(new Set([1]));
  });

  it("is left out if the job says so, which tells what is missing; a retry puts it in and writes the summary anew", async () => {
    const { deps, calls, spoiled } = watchedDeps();
    spoiled.add(`${WORD}-7 `);
    const input = { text, ...settings, on_chunk_failure: "skip" };
    const job = await runLongText(deps, "summarize", input);
    const lossy = await outputOf<SummarizeOutput>(job);
    expect(lossy.summary).not.toContain(`${WORD}-7 `);
    expect(lossy.missing).toHaveLength(1);
    const [{ start, end } = { start: 0, end: 0 }] = lossy.missing ?? [];
    expect(text.slice(start, end)).toContain(factOf(7));
    const before = calls.length;
    spoiled.clear();
    await retry(deps, job);
    await runRung(deps);
    const whole = await outputOf<SummarizeOutput>(await theJob(job.id));
    expect(factsIn(whole.summary).size).toBe(10);
    expect(whole).not.toHaveProperty("missing");
    const redone = calls.slice(before);
    expect(redone.filter(isOf(factOf(7))).length).toBe(1);
    // The chunk, and the notes above.
    expect(redone.length).toBeLessThan(before / 2);
  });

  it("is one thing, and notes that cannot be merged are another: they fail the job, and a retry goes on with them", async () => {
    const { deps, calls, spoiled } = watchedDeps();
    // Only notes say it so.
    spoiled.add("hours [1].");
    const job = await runLongText(deps, "summarize", { text, ...settings, on_chunk_failure: "skip" });
    expect(job).toMatchObject({ state: "failed", error: { code: "child_failed" } });
    expect(job.error?.message).toMatch(/\(notes-1-\d+\) failed with provider_bad_request/);
    const before = calls.length;
    spoiled.clear();
    await retry(deps, job);
    await runRung(deps);
    const output = await outputOf<SummarizeOutput>(await theJob(job.id));
    expect(factsIn(output.summary).size).toBe(10);
    expect(calls.slice(before).some(({ prompt }) => prompt.includes("[1] "))).toBe(false);
  });

  it("fails the job also if chunks may be missing, when none is left", async () => {
    const { deps, spoiled } = watchedDeps();
    spoiled.add("document>");
    const job = await runLongText(deps, "summarize", { text, ...settings, on_chunk_failure: "skip" });
    expect(job).toMatchObject({ state: "failed", error: { code: "child_failed" } });
    expect(job.error?.message).toContain("all of them have failed");
  });
});

describe("over the API", () => {
  it("a job shows its chunks while it is one, each with its place and its notes, and counts them as its progress", async () => {
    const { text } = planted(12_000, 6, 400);
    const input = { text, max_chunk_tokens: 400, model: `sandbox/chat!keep=${WORD}` };
    const job = await finish({ task: "summarize", input, tags: ["long"] });
    const output = job.output as SummarizeOutput;
    expect(factsIn(output.summary).size).toBe(6);
    const { body } = await call<List<JobOnWire>>("GET", `/v1/jobs?parent=${job.id}&limit=100`);
    const chunks = body.data.filter(({ custom_id }) => custom_id?.startsWith("chunk-"));
    expect(chunks).toHaveLength(output.chunks);
    for (const { id, metadata, tags } of chunks) {
      const { start, end } = metadata as { start: number; end: number };
      const notes = (await call("GET", `/v1/jobs/${id}`)).body.output as { text: string };
      expect(factsIn(notes.text)).toEqual(factsIn(text.slice(start, end)));
      expect(tags).toEqual(["long"]);
    }
    const { total } = job.children ?? { total: 0 };
    expect(job.progress).toMatchObject({ done: total, total });
    expect(total).toBe(body.data.length);
  });
});
