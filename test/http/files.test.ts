// Files through the whole API: uploaded in one piece, looked at, downloaded and deleted.

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../../src/core/limits";
import {
  bytesOf,
  contentOf,
  digestHeader,
  type FileOnWire,
  form,
  noise,
  objectsOf,
  sealingEnv,
  sha256,
  streamOf,
  upload,
} from "../support/files";
import { call, createProject, expectError, type List, open } from "../support/http-client";

const MB = 1_048_576;

describe.each([
  ["without encryption", undefined],
  ["with encryption", sealingEnv],
])("a file, %s,", (_how, where) => {
  it.each([
    ["nothing", 0],
    ["one byte", 1],
    ["exactly a chunk", MB],
    ["exactly a part", 5 * MB],
    ["a byte more than a part", 5 * MB + 1],
  ])("of %s comes back byte for byte, with its size and digest", async (_what, size) => {
    const bytes = noise(size);
    const file = await upload(bytes, { env: where, headers: { "content-type": "text/plain; charset=x" } });
    expect(file).toMatchObject({ size_bytes: size, sha256: await sha256(bytes), state: "ready" });
    const response = await open("GET", `/v1/files/${file.id}/content`, { env: where });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "text/plain; charset=x",
      "content-length": String(size),
      etag: `"${file.sha256}"`,
      "accept-ranges": "bytes",
      "x-content-type-options": "nosniff",
    });
    expect(await sha256(await bytesOf(response))).toBe(file.sha256);
  });

  it("of 12 MB is taken without Content-Length", async () => {
    const bytes = noise(12_000_000);
    const file = await upload(streamOf(bytes, 100_000), { env: where });
    expect(file).toMatchObject({ size_bytes: bytes.byteLength, sha256: await sha256(bytes) });
    expect(await sha256(await contentOf(file.id, { env: where }))).toBe(file.sha256);
  });

  it("that breaks off in the middle leaves nothing", async () => {
    const before = await objectsOf();
    const broken = streamOf(noise(7 * MB), MB, new Error("hung up"));
    // Straight to the handler: on the way from one Worker to another, such a body seems to end well.
    expectError(await call("POST", "/v1/files", { text: broken, env: where ?? env }), "invalid_request");
    expect(await objectsOf()).toEqual(before);
    const { body } = await call<List<FileOnWire>>("GET", "/v1/files?limit=100");
    expect(body.data.filter(({ state }) => state !== "ready")).toEqual([]);
  });
});

it("what is stored with encryption cannot be read without", async () => {
  const bytes = new TextEncoder().encode("a secret ".repeat(1_000));
  const file = await upload(bytes, { env: sealingEnv });
  const object = await env.BUCKET.get(`default/files/${file.id}`);
  expect(await object?.text()).not.toContain("secret");
});

describe("a form", () => {
  it("gives the file its name and type, whatever else its bytes look like", async () => {
    const content = "first\r\n--Bound\r\n\n--bound\r\n-";
    const { body } = await call<FileOnWire>("POST", "/v1/files", form([["file", "données.jsonl", content]]));
    expect(body).toMatchObject({ name: "données.jsonl", content_type: "application/jsonl" });
    expect(new TextDecoder().decode(await contentOf(body.id))).toBe(content);
  });

  it("that a browser or a program makes is understood", async () => {
    const data = new FormData();
    data.set("file", new File(["hello"], 'a "quoted" name.txt', { type: "text/plain" }));
    const { body } = await call<FileOnWire>("POST", "/v1/files?name=other.txt", { text: data });
    expect(body).toMatchObject({ name: "other.txt", content_type: "text/plain", size_bytes: 5 });
    const named = await call<FileOnWire>("POST", "/v1/files", { text: data });
    expect(named.body.name).toBe('a "quoted" name.txt');
  });

  it.each([
    ["of another field", form([["purpose", null, "batch"]]), "purpose"],
    [
      "of two files",
      form([
        ["file", "a", "1"],
        ["file", "b", "2"],
      ]),
      "file",
    ],
    ["of nothing", form([]), "file"],
    ["without a boundary", { text: "x", headers: { "content-type": "multipart/form-data" } }, "Content-Type"],
    ["that ends too early", { ...form([["file", "a", "1"]]), text: "--bound\r\n" }, "body"],
    ["with a name that is no name", form([["file", "a\tb", "1"]]), "name"],
  ])("%s is refused, and leaves nothing", async (_what, ask, param) => {
    const before = await objectsOf();
    expectError(await call("POST", "/v1/files", ask), "invalid_request", param);
    expect(await objectsOf()).toEqual(before);
  });
});

describe("Content-Digest", () => {
  it("that fits lets the file in", async () => {
    const bytes = noise(1_000);
    const headers = { "content-digest": `sha-512=:AA==:, ${await digestHeader(bytes)}` };
    expect((await upload(bytes, { headers })).sha256).toBe(await sha256(bytes));
  });

  it("that does not fit keeps it out, and leaves nothing", async () => {
    const before = await objectsOf();
    const headers = { "content-digest": await digestHeader(noise(999)) };
    expectError(await call("POST", "/v1/files", { text: noise(6 * MB), headers }), "digest_mismatch");
    expect(await objectsOf()).toEqual(before);
  });

  it.each(["sha-512=:AA==:", "sha-256=abc", ""])("that says no SHA-256 is refused: %j", async (value) => {
    const answer = await call("POST", "/v1/files", { text: "x", headers: { "content-digest": value } });
    expectError(answer, "invalid_request", "Content-Digest");
  });
});

describe("a file that is too large", () => {
  it("is refused by its Content-Length, before it is read", async () => {
    const headers = { "content-length": String(LIMITS.fileBytes + 1) };
    expectError(await call("POST", "/v1/files", { text: "x", headers }), "payload_too_large");
  });

  it("is refused in mid-stream when nobody knew its length, and leaves nothing", async () => {
    const before = await objectsOf();
    let sent = 0;
    const endless = endlessBody((bytes) => {
      sent += bytes;
    });
    expectError(await call("POST", "/v1/files", { text: endless }), "payload_too_large");
    expect(sent).toBeLessThan(LIMITS.fileBytes + 64 * MB);
    expect(await objectsOf()).toEqual(before);
  }, 60_000);

  it("is refused too when the rest of its form has no end", async () => {
    const { headers } = form([]);
    const ask = { text: endlessBody(), headers };
    expectError(await call("POST", "/v1/files", ask), "payload_too_large");
  }, 60_000);
});

/** Zeros for as long as somebody reads them. */
function endlessBody(note: (bytes: number) => void = () => {}): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(new Uint8Array(4 * MB));
      note(4 * MB);
    },
  });
}

describe("Range", () => {
  it.each([
    ["bytes=0-4", 206, "hello", "bytes 0-4/11"],
    ["bytes=6-", 206, "world", "bytes 6-10/11"],
    ["bytes=-5", 206, "world", "bytes 6-10/11"],
    ["bytes=4-900", 206, "o world", "bytes 4-10/11"],
    ["bytes=0-1,3-4", 200, "hello world", null],
    ["lines=1-2", 200, "hello world", null],
  ])("%s is answered %i", async (range, status, text, contentRange) => {
    const file = await upload(new TextEncoder().encode("hello world"));
    const response = await open("GET", `/v1/files/${file.id}/content`, { headers: { range } });
    expect([response.status, await response.text()]).toEqual([status, text]);
    expect(response.headers.get("content-range")).toBe(contentRange);
    expect(response.headers.get("content-length")).toBe(String(text.length));
  });

  it("behind the end is 416 and says how long the file is; of another version it is not minded", async () => {
    const file = await upload(new TextEncoder().encode("hello"));
    const path = `/v1/files/${file.id}/content`;
    const late = await call("GET", path, { headers: { range: "bytes=5-" } });
    expectError(late, "range_not_satisfiable");
    expect(late.headers.get("content-range")).toBe("bytes */5");
    const other = await open("GET", path, { headers: { range: "bytes=1-2", "if-range": '"x"' } });
    expect([other.status, await other.text()]).toEqual([200, "hello"]);
  });

  it("of HEAD is answered as for GET, without content", async () => {
    const file = await upload(new TextEncoder().encode("hello"));
    const response = await open("HEAD", `/v1/files/${file.id}/content`);
    expect([response.status, response.headers.get("content-length")]).toEqual([200, "5"]);
    expect(await response.text()).toBe("");
  });
});

describe("files of a project", () => {
  it("are listed newest first, page by page, and shown one by one", async () => {
    const key = await createProject("lister");
    const made: FileOnWire[] = [];
    for (const name of ["a", "b", "c"]) made.unshift(await upload(noise(3), { key, name }));
    const first = await call<List<FileOnWire>>("GET", "/v1/files?limit=2", { key });
    const rest = await call<List<FileOnWire>>("GET", `/v1/files?cursor=${first.body.next_cursor}`, { key });
    expect([...first.body.data, ...rest.body.data]).toEqual(made);
    expect([first.body.has_more, rest.body.has_more]).toEqual([true, false]);
    expect((await call("GET", `/v1/files/${made[0]?.id}`, { key })).body).toEqual(made[0]);
    expectError(await call("GET", "/v1/files?cursor=x", { key }), "invalid_cursor", "cursor");
  });

  it("are the same 404 for another project as a missing one", async () => {
    const [mine, theirs] = [await createProject("file-mine"), await createProject("file-theirs")];
    const { id } = await upload(noise(3), { key: theirs });
    for (const [method, path] of [
      ["GET", ""],
      ["GET", "/content"],
      ["DELETE", ""],
    ] as const) {
      const [foreign, missing] = await Promise.all(
        [id, "file_01KAM2T2Q5W4R0E8Z6S3N7Y9XB"].map((one) =>
          call(method, `/v1/files/${one}${path}`, { key: mine }),
        ),
      );
      for (const answer of [foreign, missing]) if (answer) expectError(answer, "not_found");
    }
    expect((await call<List<FileOnWire>>("GET", "/v1/files", { key: mine })).body.data).toEqual([]);
    expect((await contentOf(id, { key: theirs })).byteLength).toBe(3);
  });

  it("are gone when they are deleted, content and all", async () => {
    const { id } = await upload(noise(3));
    expect((await call("DELETE", `/v1/files/${id}`)).status).toBe(204);
    expectError(await call("GET", `/v1/files/${id}/content`), "not_found");
    expectError(await call("DELETE", `/v1/files/${id}`), "not_found");
    expect(await env.BUCKET.head(`default/files/${id}`)).toBeNull();
  });
});
