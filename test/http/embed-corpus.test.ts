// A corpus over the API: submitted, waited for, and its files downloaded.

import { describe, expect, it } from "vitest";
import { embedText } from "../../src/llm/sandbox/vectors";
import { asFloat32, jsonLines, unpack, words } from "../support/corpora";
import { bytesOf, upload } from "../support/files";
import { call, expectError, finish, type List, open } from "../support/http-client";

const DIMENSIONS = 16;
const model = "sandbox/embedding";

type Output = { count: number; dimensions: number; files: { name: string; bytes: number }[] };

const download = async (id: string, name: string, headers = {}) =>
  bytesOf(await open("GET", `/v1/jobs/${id}/files/${name}`, { headers }));

const alone = (texts: string[]) => texts.map((text) => asFloat32(embedText(text, DIMENSIONS)));

describe("embed with more texts than an output takes", () => {
  it("writes their vectors into files, each of which is read whole or by ranges", async () => {
    const input = words(700);
    const { id, output } = await finish({ task: "embed", input: { input, model, dimensions: DIMENSIONS } });
    const { count, dimensions, files } = output as Output;
    expect([count, dimensions, files.map(({ name }) => name)]).toEqual([
      700,
      DIMENSIONS,
      ["vectors.f32", "index.jsonl", "vectors.jsonl"],
    ]);
    const packed = await download(id, "vectors.f32");
    expect(unpack(packed, DIMENSIONS)).toEqual(alone(input));
    const [one] = jsonLines<{ offset: number }>(
      new TextDecoder().decode(await download(id, "index.jsonl")),
    ).slice(500);
    const offset = one?.offset ?? 0;
    const range = { range: `bytes=${offset}-${offset + DIMENSIONS * 4 - 1}` };
    expect(unpack(await download(id, "vectors.f32", range), DIMENSIONS)).toEqual(
      alone(input.slice(500, 501)),
    );
    const listed = (await call<List<{ name: string; bytes: number }>>("GET", `/v1/jobs/${id}/files`)).body
      .data;
    expect(listed.map(({ name, bytes }) => [name, bytes])).toEqual(
      files.map(({ name, bytes }) => [name, bytes]).sort(),
    );
    const head = await open("HEAD", `/v1/jobs/${id}/files/vectors.f32`);
    expect([head.headers.get("content-length"), head.headers.get("content-type")]).toEqual([
      String(packed.byteLength),
      "application/octet-stream",
    ]);
    expectError(
      await call("GET", `/v1/jobs/${id}/files/vectors.f32`, { headers: { range: "bytes=9999999-" } }),
      "range_not_satisfiable",
      "Range",
    );
  }, 30_000);

  it("takes them from a file too", async () => {
    const { id: file_id } = await upload("one\ntwo\n", { name: "c.txt" });
    const job = await finish({ task: "embed", input: { file_id, model, dimensions: DIMENSIONS } });
    expect(job.output).toMatchObject({ count: 2 });
    expect(unpack(await download(job.id, "vectors.f32"), DIMENSIONS)).toEqual(alone(["one", "two"]));
  });
});

describe("the cache", () => {
  it.each([
    ["embed", { file_id: "file_1", model }],
    ["bulk_generate", { template: "a", rows: [{}] }],
    ["batch", { task: "generate", items: [{ input: { prompt: "a" } }] }],
  ])("is refused for %s, whose output is in files of its own", async (task, input) => {
    const answer = await call("POST", "/v1/jobs", { json: { task, input, cache: { mode: "use" } } });
    expectError(answer, "input_invalid", "cache");
  });
});

describe("embed", () => {
  it("gives vectors packed, if that is wanted, as the same numbers", async () => {
    const input = { input: ["one", "two"], model, dimensions: DIMENSIONS, encoding: "base64" };
    const { output } = await finish({ task: "embed", input });
    const { embeddings_base64 } = output as { embeddings_base64: string[] };
    expect(output).toMatchObject({ embeddings: [] });
    expect(embeddings_base64.flatMap((text) => unpack(Uint8Array.fromBase64(text), DIMENSIONS))).toEqual(
      alone(["one", "two"]),
    );
  });
});
