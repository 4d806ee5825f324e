// Uploads by parts: in any order, side by side, and again, through the whole API.

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../../src/core/limits";
import type { Env } from "../../src/env";
import { contentOf, type FileOnWire, noise, objectsOf, sealingEnv, sha256 } from "../support/files";
import { type Ask, call, createProject, expectError } from "../support/http-client";

const PART = 5 * 1_048_576;

async function begin(json: object = {}, ask: Ask = {}): Promise<FileOnWire> {
  const answer = await call<FileOnWire>("POST", "/v1/files/uploads", {
    json: { name: "big", ...json },
    ...ask,
  });
  expect(answer.status, answer.text).toBe(201);
  expect(answer.headers.get("location")).toBe(`/v1/files/${answer.body.id}`);
  return answer.body;
}

/** Sends the part of `bytes` that has this number. */
function put(id: string, number: number, bytes: Uint8Array, where?: Env) {
  const text = bytes.slice((number - 1) * PART, number * PART);
  return call<FileOnWire>("PUT", `/v1/files/${id}/parts/${number}`, { text, env: where });
}

const complete = (id: string, json: object = {}, where?: Env) =>
  call<FileOnWire>("POST", `/v1/files/${id}/complete`, { json, env: where });

/** As R2 knows it. */
async function uploadOf(id: string): Promise<R2MultipartUpload> {
  const found = env.DB.prepare("SELECT upload_id FROM files WHERE id = ?1").bind(id);
  return env.BUCKET.resumeMultipartUpload(`default/files/${id}`, (await found.first("upload_id")) ?? "");
}

describe.each([
  ["without encryption", undefined],
  ["with encryption", sealingEnv],
])("an upload by parts, %s,", (_how, where) => {
  it("takes its parts in any order and side by side, and loses none", async () => {
    const bytes = noise(2 * PART + 1_234_567);
    const file = await begin({ size_bytes: bytes.byteLength, content_type: "text/plain" }, { env: where });
    expect(file).toMatchObject({ state: "uploading", part_bytes: PART, parts: [], sha256: null });
    const answers = await Promise.all([3, 1, 2].map((number) => put(file.id, number, bytes, where)));
    for (const answer of answers) expect(answer.status, answer.text).toBe(200);
    const { body: now } = await call<FileOnWire>("GET", `/v1/files/${file.id}`);
    expect(now.parts).toEqual([
      { number: 1, size_bytes: PART },
      { number: 2, size_bytes: PART },
      { number: 3, size_bytes: 1_234_567 },
    ]);
    const digest = await sha256(bytes);
    const { status, body } = await complete(file.id, { sha256: digest }, where);
    expect(status).toBe(200);
    expect(body).toMatchObject({ state: "ready", sha256: digest, size_bytes: bytes.byteLength });
    expect(body).not.toHaveProperty("parts");
    expect(await sha256(await contentOf(file.id, { env: where }))).toBe(digest);
  });

  it("takes a part again, and then has what was sent last", async () => {
    const [old, bytes] = [new Uint8Array(PART), noise(PART + 10)];
    const { id } = await begin({}, { env: where });
    await put(id, 1, old, where);
    await put(id, 2, bytes, where);
    await put(id, 1, bytes, where);
    expect((await complete(id, {}, where)).body.sha256).toBe(await sha256(bytes));
    const again = await complete(id, { sha256: await sha256(bytes) }, where);
    expect(again.body).toMatchObject({ state: "ready", size_bytes: PART + 10 });
  });
});

describe("a part", () => {
  it.each([
    ["of another size than the file's allows", { size_bytes: 10 }, 1, 9, "body"],
    ["behind the end of the file", { size_bytes: 10 }, 2, 10, "body"],
    ["of nothing", {}, 1, 0, "body"],
    ["number 0", {}, 0, 1, "number"],
  ])("%s is refused", async (_what, json, number, size, param) => {
    const { id } = await begin(json);
    const answer = await call("PUT", `/v1/files/${id}/parts/${number}`, { text: noise(size) });
    expectError(answer, "invalid_request", param);
    expect((await call<FileOnWire>("GET", `/v1/files/${id}`)).body.parts).toEqual([]);
  });

  it("that is larger than a part, or beyond the greatest file, is refused", async () => {
    const { id } = await begin();
    const larger = await call("PUT", `/v1/files/${id}/parts/1`, { text: noise(PART + 1) });
    expectError(larger, "payload_too_large");
    const last = Math.ceil(LIMITS.fileBytes / PART);
    const full = await call("PUT", `/v1/files/${id}/parts/${last}`, { text: noise(PART) });
    expectError(full, "payload_too_large");
    const beyond = await call("PUT", `/v1/files/${id}/parts/${last + 1}`, { text: noise(1) });
    expectError(beyond, "invalid_request", "number");
  });

  it("for a file that is complete is refused, and changes nothing", async () => {
    const { id } = await begin();
    const bytes = noise(100);
    await put(id, 1, bytes);
    await complete(id);
    expectError(await put(id, 1, noise(50)), "upload_ended");
    expect(await contentOf(id)).toEqual(bytes);
  });

  it("that would be sealed otherwise than those before is refused", async () => {
    const { id } = await begin();
    expectError(await put(id, 1, noise(9), sealingEnv), "upload_ended");
  });

  it("for another project's file is 404", async () => {
    const [mine, theirs] = [await createProject("part-mine"), await createProject("part-theirs")];
    const { id } = await begin({}, { key: theirs });
    expectError(await call("PUT", `/v1/files/${id}/parts/1`, { text: "x", key: mine }), "not_found");
    expectError(await call("POST", `/v1/files/${id}/complete`, { json: {}, key: mine }), "not_found");
  });
});

describe("completing", () => {
  it.each([
    ["nothing has come", {}, []],
    ["a part in the middle is missing", {}, [1, 3]],
    ["a part but the last is short", {}, [1, 4]],
    ["less has come than was announced", { size_bytes: PART + 5 }, [1]],
  ])("is refused when %s", async (_what, json, numbers) => {
    const bytes = noise(3 * PART + 5);
    const { id } = await begin(json);
    for (const number of numbers) await put(id, number, bytes);
    expectError(await complete(id), "upload_incomplete");
    expectError(await call("GET", `/v1/files/${id}/content`), "file_not_ready");
  });

  it("with another digest than the content's erases the file", async () => {
    const before = await objectsOf();
    const { id } = await begin();
    await put(id, 1, noise(9));
    expectError(await complete(id, { sha256: await sha256(noise(8)) }), "digest_mismatch");
    expectError(await call("GET", `/v1/files/${id}`), "not_found");
    expect(await objectsOf()).toEqual(before);
  });

  it("with another digest, once the file is complete, is refused and erases nothing", async () => {
    const { id } = await begin();
    await put(id, 1, noise(9));
    await complete(id);
    expectError(await complete(id, { sha256: await sha256(noise(8)) }), "digest_mismatch");
    expect(await contentOf(id)).toEqual(noise(9));
  });

  it("goes on when R2 has joined the parts and nobody heard of it", async () => {
    const { id } = await begin();
    await put(id, 1, noise(9));
    const upload = await uploadOf(id);
    const { etag } = await upload.uploadPart(1, noise(9));
    await upload.complete([{ partNumber: 1, etag }]);
    expect((await complete(id)).body).toMatchObject({ state: "ready", sha256: await sha256(noise(9)) });
  });

  it("is refused when R2 has another part than the row names, and goes well once that part was sent again", async () => {
    const { id } = await begin();
    await put(id, 1, noise(9));
    const upload = await uploadOf(id);
    await upload.uploadPart(1, "another");
    expectError(await complete(id), "upload_incomplete");
    await put(id, 1, noise(9));
    expect((await complete(id)).body.sha256).toBe(await sha256(noise(9)));
  });

  it("by two at once gives both the same file", async () => {
    const { id } = await begin();
    await put(id, 1, noise(PART + 9));
    await put(id, 2, noise(PART + 9));
    const [one, two] = await Promise.all([complete(id), complete(id)]);
    expect(one.status, one.text).toBe(200);
    expect(two.body).toEqual(one.body);
  });
});

it("an upload that is deleted takes no parts, and R2 forgets those that it had", async () => {
  const { id } = await begin();
  await put(id, 1, noise(9));
  const upload = await uploadOf(id);
  expect((await call("DELETE", `/v1/files/${id}`)).status).toBe(204);
  expectError(await put(id, 2, noise(9)), "not_found");
  await expect(upload.uploadPart(1, "x")).rejects.toThrow("(10024)");
});

it.each([
  [{ name: "" }, "name"],
  [{ size_bytes: 0 }, "size_bytes"],
  [{ size_bytes: LIMITS.fileBytes + 1 }, "size_bytes"],
  [{ content_type: "text/plain\nx: y" }, "content_type"],
])("an upload cannot be begun with %j", async (json, param) => {
  const answer = await call("POST", "/v1/files/uploads", { json: { name: "big", ...json } });
  expectError(answer, "invalid_request", param);
});
