// A corpus: its vectors are those of each text alone, in its order, and nothing of it is done twice.

import { describe, expect, it } from "vitest";
import type { WholeJob } from "../../src/core/job";
import { readFiles } from "../../src/engine/job-files";
import { retry } from "../../src/engine/retry";
import { storeFile } from "../../src/engine/store-file";
import { embedText } from "../../src/llm/sandbox/vectors";
import { findJobFile, listJobFiles } from "../../src/store/job-files";
import { readRange } from "../../src/store/object-range";
import { CORPUS_FILES } from "../../src/tasks/corpus-files";
import type { EndedChild, TaskContext } from "../../src/tasks/define";
import {
  asFloat32,
  jsonLines,
  provider,
  unpack,
  type VectorServer,
  vectorServer,
  words,
} from "../support/corpora";
import { brokenBucket, type TestDeps, testDeps } from "../support/deps";
import { PROJECT } from "../support/factory";
import { runFamily, runRung } from "../support/families";
import { changeRow, storedJob, theJob } from "../support/rows";

const DIMENSIONS = 8;
const MODEL = "acme/vectors";

const depsWith = (server: VectorServer, maxInputs = 100) =>
  testDeps({ fetch: server.fetch, models: { providers: [provider(maxInputs)] } });

async function storedCorpus(lines: unknown[], name = "corpus.jsonl"): Promise<WholeJob> {
  async function* content() {
    const text = lines.map((line) => (name.endsWith(".txt") ? line : JSON.stringify(line))).join("\n");
    yield new TextEncoder().encode(text);
  }
  const head = { projectId: PROJECT, name, contentType: "application/octet-stream", sha256: null };
  const { id } = await storeFile(testDeps(), { ...head, content: content() });
  const input = JSON.stringify({ file_id: id, dimensions: DIMENSIONS });
  return storedJob({ task: "embed", model: MODEL, input });
}

async function bytesOf(deps: TestDeps, job: WholeJob, name: string): Promise<Uint8Array> {
  const file = await findJobFile(deps, job, name);
  if (!file) throw new Error(`no file ${name}`);
  return readRange(deps, job, file.key, 0, file.bytes);
}

const textOf = async (deps: TestDeps, job: WholeJob, name: string) =>
  new TextDecoder().decode(await bytesOf(deps, job, name));

const outputOf = ({ output }: WholeJob) => JSON.parse(output ?? "null");

const alone = (texts: string[]) => texts.map((text) => asFloat32(embedText(text, DIMENSIONS)));

describe("a corpus", () => {
  it("of 2,000 texts has the vector of each, in their order, in all three files", async () => {
    const server = vectorServer();
    const deps = depsWith(server);
    const texts = words(2_000);
    const lines = texts.map((text, i) => (i % 2 ? text : { id: `id${i}`, text, metadata: { n: i } }));
    const job = await runFamily(deps, await storedCorpus(lines));
    expect(job).toMatchObject({ state: "completed", children: { total: 20, completed: 20 } });
    const packed = unpack(await bytesOf(deps, job, "vectors.f32"), DIMENSIONS);
    expect(packed).toEqual(alone(texts));
    const index = jsonLines<{ i: number; id: string | null; offset: number; metadata?: object }>(
      await textOf(deps, job, "index.jsonl"),
    );
    expect(index.map(({ i, offset }) => [i, offset])).toEqual(texts.map((_, i) => [i, i * DIMENSIONS * 4]));
    expect([index[4], index[5]]).toEqual([
      { i: 4, id: "id4", offset: 128, metadata: { n: 4 } },
      { i: 5, id: null, offset: 160 },
    ]);
    const vectors = jsonLines<{ i: number; id: string | null; embedding: number[] }>(
      await textOf(deps, job, "vectors.jsonl"),
    );
    expect(vectors.map(({ embedding }) => asFloat32(embedding))).toEqual(packed);
    expect(vectors.map(({ i, id }) => [i, id])).toEqual(index.map(({ i, id }) => [i, id]));
    expect(new Set(server.embedded.values())).toEqual(new Set([1]));
    const { files, ...rest } = outputOf(job);
    expect(rest).toEqual({ embeddings: [], count: 2_000, dimensions: DIMENSIONS, model: MODEL });
    const there = (await listJobFiles(deps, job)).map(({ name, bytes }) => [name, bytes]);
    expect(there).toEqual(
      files.map((file: { name: string; bytes: number }) => [file.name, file.bytes]).sort(),
    );
  }, 60_000);

  it("of long texts is read in several turns, and its children are as large as a call may be", async () => {
    const server = vectorServer();
    const deps = depsWith(server);
    const texts = words(300).map((text) => `${text} ${"z".repeat(8_000)}`);
    const job = await runFamily(deps, await storedCorpus(texts));
    // Of the 2.4 MB 2 MB are read at once; 37 texts have 100,000 tokens, and a turn ends with what is left.
    expect(job).toMatchObject({ state: "completed", children: { total: 9, completed: 9 } });
    expect(unpack(await bytesOf(deps, job, "vectors.f32"), DIMENSIONS)).toEqual(alone(texts));
  });

  it("may be a text a line, and leaves out empty ones", async () => {
    const deps = depsWith(vectorServer());
    const job = await runFamily(deps, await storedCorpus(["one", "", '{"two"', "three"], "corpus.txt"));
    expect(outputOf(job)).toMatchObject({ count: 3 });
    const packed = unpack(await bytesOf(deps, job, "vectors.f32"), DIMENSIONS);
    expect(packed).toEqual(alone(["one", '{"two"', "three"]));
  });

  it("has children of as many texts as the model takes, which give base64", async () => {
    const deps = depsWith(vectorServer(), 3);
    const job = await runFamily(deps, await storedCorpus(words(10)));
    expect(job.children).toMatchObject({ total: 4, completed: 4 });
  });

  it("does only the failed children again when it is retried", async () => {
    const server = vectorServer();
    const deps = depsWith(server, 10);
    const texts = words(60);
    server.refused.add(texts[35] ?? "");
    const job = await storedCorpus(texts);
    const failed = await runFamily(deps, job);
    expect(failed).toMatchObject({ state: "failed", error: { code: "child_failed" } });
    const before = new Map(server.embedded);
    expect(before.size).toBeGreaterThanOrEqual(10);
    server.refused.clear();
    await retry(deps, failed);
    await runRung(deps);
    const ended = await theJob(job.id);
    expect(ended).toMatchObject({ state: "completed", children: { total: 6, completed: 6 } });
    expect(unpack(await bytesOf(deps, ended, "vectors.f32"), DIMENSIONS)).toEqual(alone(texts));
    expect([...server.embedded.values()]).toEqual(texts.map(() => 1));
  });

  it("whose run dies while it writes, writes that file again and no vector is made again", async () => {
    const server = vectorServer();
    const deps = depsWith(server);
    const job = await storedCorpus(words(200));
    let writes = 0;
    const bucket = new Proxy(deps.bucket, {
      get(target, name) {
        if (name === "put" && writes++ === 1) return Reflect.get(brokenBucket(), name);
        const value = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    // The second object that is put is the index: the first attempt at it fails.
    expect(await runFamily({ ...deps, bucket }, job)).toMatchObject({ state: "pending", turns: 2 });
    await changeRow(job.id, { run_at: 0 });
    await runFamily(deps, job);
    const ended = await theJob(job.id);
    expect(writes).toBeGreaterThan(1);
    expect(ended).toMatchObject({ state: "completed" });
    expect(jsonLines(await textOf(deps, ended, "index.jsonl"))).toHaveLength(200);
    expect(new Set(server.embedded.values())).toEqual(new Set([1]));
  });

  it.each<[string, unknown[], string, RegExp]>([
    ["a line that is no text", ["a", { id: "x" }], "item_invalid", /^line 2: expected a text/],
    ["an empty text", ["a", "b", ""], "item_invalid", /^line 3: /],
    ["no texts", [], "input_invalid", /no texts/],
  ])("with %s fails and says where", async (_, lines, code, message) => {
    const job = await runFamily(depsWith(vectorServer()), await storedCorpus(lines));
    expect(job).toMatchObject({ state: "failed", error: { code, message: expect.stringMatching(message) } });
  });

  it("in a file of an unknown format fails and says what to name", async () => {
    const job = await runFamily(depsWith(vectorServer()), await storedCorpus(["a"], "corpus.dat"));
    expect(job.error).toMatchObject({
      code: "input_invalid",
      message: expect.stringMatching(/^input\.format: .*"corpus\.dat".*jsonl, text/),
    });
  });
});

describe("the files of a corpus", () => {
  it("are written child by child: no more than one of them is in memory", async () => {
    let pulled = 0;
    const packed = new Uint8Array(new Float32Array(DIMENSIONS).fill(0.1).buffer).toBase64();
    const output = JSON.stringify({ embeddings_base64: Array(128).fill(packed) });
    async function* ended() {
      for (; pulled < 50; ) {
        pulled += 1;
        yield { output } as EndedChild;
      }
    }
    const texts = Array(50 * 128).fill("a");
    const ctx = { children: { ended }, files: readFiles(testDeps(), PROJECT) } as unknown as TaskContext;
    for (const { content } of CORPUS_FILES) {
      pulled = 0;
      let pieces = 0;
      for await (const piece of content({ input: { input: texts }, ctx, dimensions: DIMENSIONS })) {
        pieces += typeof piece === "string" ? 1 : piece.byteLength / (DIMENSIONS * 4);
        expect(pulled).toBeLessThanOrEqual(Math.ceil(pieces / 128));
      }
      expect(pieces).toBe(50 * 128);
    }
  });

  it("fail when the model gives vectors of different lengths", async () => {
    async function* ended() {
      for (const length of [8, 8, 4]) {
        const vector = new Uint8Array(new Float32Array(length).buffer).toBase64();
        yield { output: JSON.stringify({ embeddings_base64: [vector] }) } as EndedChild;
      }
    }
    const ctx = { children: { ended } } as unknown as TaskContext;
    const write = async () => {
      const [first] = CORPUS_FILES;
      for await (const _ of first?.content({ input: {}, ctx, dimensions: 8 }) ?? []);
    };
    await expect(write()).rejects.toMatchObject({ code: "provider_error", message: /different lengths/ });
  });
});
