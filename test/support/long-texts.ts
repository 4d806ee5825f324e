// A long text with facts in it that can be looked for, models that are counted, and jobs over both run to their end.

import { env } from "cloudflare:workers";
import type { WholeJob } from "../../src/core/job";
import { splitText } from "../../src/core/text/split";
import { storeFile } from "../../src/engine/store-file";
import type { Fetch } from "../../src/llm/fetch";
import type { Provider } from "../../src/llm/providers";
import { sandboxFetch } from "../../src/llm/sandbox/sandbox-fetch";
import { loadText } from "../../src/store/objects";
import { countTokens } from "../../src/tasks/long-text/children";
import { type Edge, type TestDeps, testDeps } from "./deps";
import { PROJECT } from "./factory";
import { runFamily } from "./families";
import { Random } from "./random";
import { storedJob } from "./rows";
import { SAMPLES } from "./text-samples";

/** Every fact has it, and nothing else. */
export const WORD = "KEEPSAKE";

export const factOf = (n: number) => `${WORD}-${n} is the name of a lamp that burns for ${n * 37 + 5} hours.`;

const WORDS = (SAMPLES["English prose"] ?? "").match(/\p{L}+/gu) ?? [];

/** Prose of about so many characters in paragraphs; the same for the same seed. */
export function prose(chars: number, seed = 1): string[] {
  const random = new Random(seed);
  const word = () => WORDS[random.between(0, WORDS.length - 1)] ?? "boat";
  const paragraphs: string[] = [];
  for (let length = 0; length < chars; ) {
    const sentences = Array.from({ length: random.between(3, 7) }, () => {
      const words = Array.from({ length: random.between(6, 19) }, word).join(" ");
      return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
    });
    const paragraph = sentences.join(" ");
    length += paragraph.length + 2;
    paragraphs.push(paragraph);
  }
  return paragraphs;
}

/**
 * Prose with facts at random places, and a few that a chunk of `chunkTokens` begins or ends with. `facts` are numbered in no
 * order.
 */
export function planted(
  chars: number,
  facts: number,
  chunkTokens: number,
): { text: string; facts: string[] } {
  const random = new Random(7);
  const paragraphs = prose(chars);
  const all = Array.from({ length: facts }, (_, n) => factOf(n));
  const atBorders = all.slice(0, Math.floor(facts / 6));
  for (const fact of all.slice(atBorders.length)) {
    const at = random.between(0, paragraphs.length - 1);
    const sentences = (paragraphs[at] ?? "").split(/(?<=\.) /);
    sentences.splice(random.between(0, sentences.length), 0, fact);
    paragraphs[at] = sentences.join(" ");
  }
  let text = paragraphs.join("\n\n");
  for (const [i, fact] of atBorders.entries()) {
    const chunks = splitText(text, { maxTokens: chunkTokens, overlapTokens: 0, count: countTokens });
    const { end = 0 } = chunks[Math.floor((i * chunks.length) / atBorders.length)] ?? {};
    text = `${text.slice(0, end)}${fact} ${text.slice(end)}`;
  }
  return { text, facts: all };
}

/** Its models are the sandbox's, under another name: each call can be seen. */
const seen: Provider = { name: "seen", base_url: "https://seen.test/v1", models: [] };

export type Call = { job: string; attempt: number; prompt: string; status: number };

/** `calls`: in the order of their answers. A retry is due at once. `spoiled`: calls whose prompt has one of these words fail for good. */
export function watchedDeps(edge: Edge = {}) {
  const calls: Call[] = [];
  const spoiled = new Set<string>();
  const fetch: Fetch = async (url, init) => {
    const request = new Request(url, init);
    const { messages } = (await request.clone().json()) as { messages: { content: string }[] };
    const prompt = messages.at(-1)?.content ?? "";
    const isSpoiled = [...spoiled].some((word) => prompt.includes(word));
    const response = isSpoiled
      ? Response.json({ error: { message: "spoiled" } }, { status: 400 })
      : await sandboxFetch(url, init);
    const job = request.headers.get("x-errand-job") ?? "";
    const attempt = Number(request.headers.get("x-errand-attempt"));
    calls.push({ job, attempt, prompt, status: response.status });
    return response;
  };
  const deps = testDeps({ models: { providers: [seen] }, fetch, random: () => 0, ...edge });
  return { deps, calls, spoiled };
}

export const KEEPER = `seen/chat!keep=${WORD}`;

/** Stores a job of the task, and runs it and its children to their end. */
export async function runLongText(
  deps: TestDeps,
  task: string,
  input: Record<string, unknown>,
  id?: string,
): Promise<WholeJob> {
  const job = await storedLongText(task, input, id);
  return runFamily(deps, job);
}

/** Asks all of it, whatever an earlier test has asked, unless told otherwise. */
export function storedLongText(task: string, input: Record<string, unknown>, id?: string): Promise<WholeJob> {
  const json = JSON.stringify({ model: KEEPER, cache: { mode: "off" }, ...input });
  return storedJob({ task, model: null, input: json, ...(id && { id }) });
}

/** The output of a job that has completed, wherever it is kept. */
export async function outputOf<T>(job: WholeJob): Promise<T> {
  if (job.state !== "completed") throw new Error(`${job.state}: ${job.error?.code} ${job.error?.message}`);
  const { bucket, vault } = testDeps();
  return JSON.parse(job.output ?? (await loadText({ bucket, vault }, job, job.outputKey ?? "")));
}

/** A file as if it had been uploaded. Returns its id. */
export async function storedFile(
  deps: TestDeps,
  content: Uint8Array,
  name: string,
  contentType: string,
): Promise<string> {
  async function* parts() {
    yield content;
  }
  const file = { projectId: PROJECT, name, contentType, sha256: null, content: parts() };
  return (await storeFile(deps, file)).id;
}

type ChildRow = {
  id: string;
  custom_id: string;
  state: string;
  run: number;
  lines: number;
  metadata: string;
};

/** The children of a job in their order, each with how many lines the ledger has for it. */
export async function childrenOf(parentId: string): Promise<ChildRow[]> {
  const sql = `SELECT id, custom_id, state, run, metadata, (SELECT COUNT(*) FROM ledger WHERE job_id = jobs.id) AS lines
    FROM jobs WHERE parent_id = ?1 ORDER BY id`;
  return (await env.DB.prepare(sql).bind(parentId).all<ChildRow>()).results;
}
