// What the client does with files, against the whole Worker.

import { describe, expect, it } from "vitest";
import * as errors from "../../client/src/errors";
import { connect } from "../support/client-wire";
import { noise, sha256, streamOf } from "../support/files";

describe("a file", () => {
  it.each([
    ["text", () => "hello", "application/octet-stream"],
    ["bytes", () => new TextEncoder().encode("hello"), "application/octet-stream"],
    ["a blob", () => new Blob(["hello"], { type: "text/plain" }), "text/plain"],
    ["a stream", () => streamOf(new TextEncoder().encode("hello"), 2), "application/octet-stream"],
  ])("of %s is uploaded, described, downloaded and deleted", async (_what, content, type) => {
    const { errand } = connect();
    const file = await errand.files.upload(content(), { name: "hello & more.txt" });
    expect(file).toMatchObject({
      name: "hello & more.txt",
      content_type: type,
      size_bytes: 5,
      state: "ready",
    });
    expect(await errand.files.get(file.id)).toEqual(file);
    expect(await (await errand.files.content(file.id)).text()).toBe("hello");
    const part = await errand.files.content(file.id, { range: { from: 1, to: 3 } });
    expect([part.status, await part.text()]).toEqual([206, "el"]);
    const rest = await errand.files.content(file.id, { range: { from: 3 } });
    expect(await rest.text()).toBe("lo");
    await errand.files.delete(file.id);
    await expect(errand.files.get(file.id)).rejects.toBeInstanceOf(errors.NotFoundError);
  });

  it("has the type that is said, and is refused with another digest than was said", async () => {
    const { errand } = connect();
    const bytes = noise(2_000);
    const options = { name: "n", contentType: "application/jsonl", sha256: await sha256(bytes) };
    expect(await errand.files.upload(bytes, options)).toMatchObject({ content_type: "application/jsonl" });
    const refused = errand.files.upload(noise(1_999), options);
    await expect(refused).rejects.toMatchObject({ code: "digest_mismatch" });
    await expect(async () => errand.files.upload("x", { name: "n", sha256: "abc" })).rejects.toThrow(
      "64 hex digits",
    );
  });

  it("is sent once: an upload whose answer was lost is not repeated", async () => {
    const { errand, wire } = connect({ faults: { request: () => "lose" } });
    await expect(errand.files.upload("x", { name: "lost" })).rejects.toBeInstanceOf(errors.ConnectionError);
    expect(wire.requests).toHaveLength(1);
  });
});

it("files are listed newest first, page by page", async () => {
  const { errand } = connect();
  const made: string[] = [];
  for (const name of ["a", "b", "c"]) made.unshift((await errand.files.upload("x", { name })).id);
  const first = await errand.files.list({ limit: 2 });
  const rest = await errand.files.list({ limit: 1, cursor: first.next_cursor ?? "" });
  expect([...first.data, ...rest.data].map(({ id }) => id)).toEqual(made);
});
