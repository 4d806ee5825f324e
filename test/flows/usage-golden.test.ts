import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import type { WholeJob } from "../../src/core/job";
import type { Price } from "../../src/core/usage";
import { cancelAll } from "../../src/engine/cancel";
import { retry } from "../../src/engine/retry";
import type { Fetch } from "../../src/llm/fetch";
import type { Provider } from "../../src/llm/providers";
import golden from "../golden/usage.json";
import { eventStream, failure, textChunk, usageChunk } from "../llm/fake-provider";
import { endLease, fallDue } from "../support/age";
import { ringFor, type TestDeps, testDeps } from "../support/deps";
import { call } from "../support/http-client";
import { storedJob, theJob } from "../support/rows";

/** How the provider answers one call. */
type Reply = Partial<{
  input: number;
  output: number;
  cached: number;
  reasoning: number;
  vectors: number;
  finish: string;
  status: number;
  silent: true;
  hangs: true;
  cut: true;
  /** While it answers, another run takes the job over and ends it. */
  overtaken: true;
  /** The user has started the job over before. */
  rerun: true;
}>;
type Line = Record<string, number | null>;
type Case = { what: string; sum: string; model: string; replies: Reply[]; ends: string; lines: Line[] };

const cases = golden.cases as Case[];

const provider: Provider = {
  name: "golden",
  base_url: "https://golden.test/v1",
  models: Object.entries(golden.prices as Record<string, Price | null>).map(([model, price]) => ({
    name: model.replace("golden/", ""),
    ...(model.endsWith("vectors") ? { kind: "embedding", max_inputs: 2 } : { kind: "chat" }),
    price: price ?? undefined,
  })),
};

function answered(reply: Reply, init: RequestInit = {}): Response {
  const { input: prompt_tokens, output: completion_tokens, cached: cached_tokens } = reply;
  if (reply.status) return failure(reply.status);
  if (reply.vectors) {
    const data = Array.from({ length: reply.vectors }, (_, index) => ({ index, embedding: [1] }));
    return Response.json({ data, usage: { prompt_tokens } });
  }
  if (reply.hangs) return eventStream([textChunk("Hello ")], { ...init, hang: true });
  if (reply.cut) return eventStream([textChunk("Hello ")]);
  const words = [textChunk("Hello "), textChunk("there", reply.finish ?? "stop")];
  if (reply.silent) return eventStream([...words, "[DONE]"]);
  const details = {
    prompt_tokens_details: { cached_tokens },
    completion_tokens_details: { reasoning_tokens: reply.reasoning },
  };
  return eventStream([...words, usageChunk({ prompt_tokens, completion_tokens, ...details }), "[DONE]"]);
}

/** Dependencies of a consumer whose provider gives these answers, one after the other. */
function consumer(replies: Reply[], job: WholeJob): TestDeps {
  const fetch: Fetch = async (_url, init) => {
    const reply = replies.shift() ?? {};
    if (reply.overtaken) {
      await endLease(job.id);
      await ringFor(consumer(replies, job), job);
    }
    if (reply.hangs) await cancelAll(deps, [job]);
    return answered(reply, init);
  };
  const deps = testDeps({ models: { providers: [provider] }, fetch });
  return deps;
}

const ENDED = ["completed", "failed", "cancelled"];

/** Submits, and runs the job as often as it takes. */
async function play({ model, replies }: Case): Promise<WholeJob> {
  const isChat = model !== "golden/vectors";
  const input = isChat ? { prompt: "Tea in Lisbon", model } : { input: ["one", "two", "three"], model };
  const over = { task: isChat ? "generate" : "embed", model, input: JSON.stringify(input), tags: ["a", "b"] };
  let job = await storedJob(over);
  const left = [...replies];
  const deps = consumer(left, job);
  for (let i = 0; i < 5 && (left.length > 0 || !ENDED.includes(job.state)); i++) {
    if (left[0]?.rerun) await retry(deps, job);
    else if (job.run > 0) await fallDue(job.id);
    [job = job] = await ringFor(deps, job);
  }
  return theJob(job.id);
}

const NO_LINE = { cached_tokens: 0, reasoning_tokens: 0, estimated: 0, lost: 0 };

async function linesOf(job: WholeJob) {
  const sql = `SELECT input_tokens, output_tokens, cached_tokens, reasoning_tokens, cost_nano_usd, estimated, lost
    FROM ledger WHERE job_id = ?1 ORDER BY run`;
  return (await env.DB.prepare(sql).bind(job.id).all<Line>()).results;
}

beforeAll(async () => {
  await env.DB.exec("DELETE FROM ledger");
  await env.DB.exec("DELETE FROM usage_days");
});

describe("what is written into the ledger, to the nano-dollar", () => {
  it.each(cases)("is right for $what", async (one) => {
    const job = await play(one);
    expect(job.state).toBe(one.ends);
    const expected = one.lines.map((line): Line => ({ ...NO_LINE, ...line }));
    expect(await linesOf(job)).toEqual(expected);
    // The job's own sum is that of the runs that had it.
    const own = expected.filter(({ lost }) => !lost);
    const nano = own.reduce((sum, line) => sum + (line.cost_nano_usd ?? 0), 0);
    const isUnpriced = one.model === "golden/unpriced";
    if (own.length > 0) expect(job.usage?.cost_usd).toBe(isUnpriced ? null : nano / 1e9);
  });

  it("has the price it was charged by, and none where there is none", async () => {
    const { results } = await env.DB.prepare("SELECT DISTINCT model, price FROM ledger").all<Line>();
    const expected = Object.entries(golden.prices).map(([model, price]) => ({
      model,
      price: price && JSON.stringify(price),
    }));
    expect(results.toSorted((a, b) => String(a.model).localeCompare(String(b.model)))).toEqual(
      expected.toSorted((a, b) => a.model.localeCompare(b.model)),
    );
  });

  it("adds up to the sum of all of them, by any grouping, however many tags a job has", async () => {
    const { sum: _, ...total } = golden.total;
    for (const group of ["day", "task", "model", "provider", "key", "project", "task,model,day"]) {
      type Report = { data: (typeof total)[]; total: typeof total };
      const { body } = await call<Report>("GET", `/v1/usage?group_by=${group}`);
      expect(body.total).toEqual(total);
      const nano = body.data.reduce((all, one) => all + Math.round(one.cost_usd * 1e9), 0);
      expect(nano).toBe(Math.round(total.cost_usd * 1e9));
      expect(body.data.reduce((all, one) => all + one.runs, 0)).toBe(total.runs);
    }
    const { body } = await call<{ data: unknown[] }>("GET", "/v1/usage?group_by=tag");
    expect(body.data).toEqual([
      { tag: "a", ...total },
      { tag: "b", ...total },
    ]);
  });
});
