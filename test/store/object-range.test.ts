// What ObjectWriter has written is read back by any range, sealed or not.

import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { openStream, readRange } from "../../src/store/object-range";
import { ObjectWriter } from "../../src/store/object-writer";
import { CHUNK_BYTES, PART_BYTES } from "../../src/store/sealed-chunks";
import { createVault } from "../../src/store/vault";
import { anId, PROJECT } from "../support/factory";
import { noise, sha256 } from "../support/files";

const vault = createVault([{ id: "k", secret: new Uint8Array(32) }]);
const STORES = [
  ["plain", { bucket: env.BUCKET, vault: createVault([]) }],
  ["sealed", { bucket: env.BUCKET, vault }],
] as const;

const SIZE = PART_BYTES + 2 * CHUNK_BYTES + 77;
const bytes = noise(SIZE);

async function write(store: (typeof STORES)[number][1], pieces: Uint8Array[], owner = anOwner()) {
  const key = `${owner.projectId}/${owner.id}/object`;
  const writer = new ObjectWriter(store, owner, key);
  for (const piece of pieces) await writer.write(piece);
  return { owner, key, writer, written: await writer.close() };
}

const anOwner = () => ({ projectId: PROJECT, id: anId("file") });

describe.each(STORES)("an object that is %s", (_how, store) => {
  let whole: Awaited<ReturnType<typeof write>>;
  beforeAll(async () => {
    whole = await write(store, [bytes]);
  });
  const read = (from: number, to: number) => readRange(store, whole.owner, whole.key, from, to);

  it("is told with its size and digest, and comes back whole", async () => {
    expect(whole.written).toEqual({ bytes: SIZE, sha256: await sha256(bytes) });
    expect(await sha256(await read(0, SIZE))).toBe(whole.written.sha256);
    expect(await sha256(await read(0, SIZE * 2))).toBe(whole.written.sha256);
  });

  it("gives any range, at the borders of chunks and parts above all", async () => {
    const border = fc
      .tuple(fc.constantFrom(0, 1, 2, 4, 5, 6, 7), fc.integer({ min: -2, max: 2 }))
      .map(([chunk, by]) => Math.max(0, chunk * CHUNK_BYTES + by));
    const place = fc.oneof(border, fc.nat(SIZE + 10), fc.constantFrom(SIZE - 1, SIZE, SIZE + 1));
    const check = async (a: number, b: number) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const [found, expected] = [await read(from, to), bytes.subarray(from, to)];
      expect(found.byteLength).toBe(expected.byteLength);
      // Compared by digest: a diff of megabytes helps nobody.
      expect(await sha256(found)).toBe(await sha256(expected));
    };
    await fc.assert(fc.asyncProperty(place, place, check), { numRuns: 60 });
  });

  it("is the same however it was written", async () => {
    const sizes = [1, 70_000, CHUNK_BYTES - 1, 3, 2 * CHUNK_BYTES, SIZE];
    let at = 0;
    const pieces = sizes.map((size) => {
      const piece = bytes.subarray(at, at + size);
      at += size;
      return piece;
    });
    const { written, owner, key } = await write(store, pieces);
    expect(written).toEqual(whole.written);
    expect(await sha256(await readRange(store, owner, key, 0, SIZE))).toBe(written.sha256);
  });

  it("is put at once when it fits into a part, and by parts from one byte more on", async () => {
    const begun: string[] = [];
    const bucket = new Proxy(env.BUCKET, {
      get(target, name) {
        if (name === "createMultipartUpload") begun.push(name);
        return Reflect.get(target, name).bind(target);
      },
    });
    await write({ ...store, bucket }, [bytes.subarray(0, PART_BYTES)]);
    expect(begun).toEqual([]);
    await write({ ...store, bucket }, [bytes.subarray(0, PART_BYTES + 1)]);
    expect(begun).toHaveLength(1);
  });

  it("is read as it is wanted: who leaves reads no more", async () => {
    const stream = await openStream(store, whole.owner, whole.key);
    const reader = stream.getReader();
    const { value } = await reader.read();
    expect(value?.byteLength).toBeLessThanOrEqual(CHUNK_BYTES);
    await reader.cancel();
  });

  it("is gone when it is given up, before its end and after", async () => {
    const done = await write(store, [bytes]);
    await done.writer.abort();
    expect(await env.BUCKET.head(done.key)).toBeNull();
    const key = `${PROJECT}/given-up`;
    const writer = new ObjectWriter(store, anOwner(), key);
    await writer.write(bytes);
    await writer.abort();
    expect(await env.BUCKET.head(key)).toBeNull();
  });

  it("that is missing, or cannot be reached, says which", async () => {
    const owner = anOwner();
    const missing = expect.objectContaining({ code: "object_missing" });
    await expect(readRange(store, owner, "nowhere", 0, 1)).rejects.toEqual(missing);
    const bucket = new Proxy(env.BUCKET, { get: () => () => Promise.reject(new Error("R2 away")) });
    const away = expect.objectContaining({ code: "store_unavailable" });
    await expect(readRange({ ...store, bucket }, owner, "nowhere", 0, 1)).rejects.toEqual(away);
    const writer = new ObjectWriter({ ...store, bucket }, owner, "nowhere");
    await writer.write(noise(10));
    await expect(writer.close()).rejects.toEqual(away);
  });
});

describe("a sealed object", () => {
  const store = STORES[1][1];

  it("does not hold what is in it", async () => {
    const secret = new TextEncoder().encode("secret ".repeat(200_000));
    const { key } = await write(store, [secret]);
    const stored = new Uint8Array((await (await env.BUCKET.get(key))?.arrayBuffer()) ?? []);
    expect(new TextDecoder().decode(stored)).not.toContain("secret");
  });

  it("cannot be read when its chunks were swapped, or come from another file", async () => {
    const { owner, key } = await write(store, [bytes.subarray(0, 2 * CHUNK_BYTES)]);
    const found = await env.BUCKET.get(key);
    const stored = new Uint8Array((await found?.arrayBuffer()) ?? []);
    const half = stored.byteLength / 2;
    const swapped = new Uint8Array([...stored.subarray(half), ...stored.subarray(0, half)]);
    await env.BUCKET.put(key, swapped, { customMetadata: found?.customMetadata });
    const broken = expect.objectContaining({ code: "seal_broken" });
    await expect(readRange(store, owner, key, 0, 10)).rejects.toEqual(broken);
    const other = await write(store, [bytes.subarray(0, 100)]);
    await expect(readRange(store, owner, other.key, 0, 10)).rejects.toEqual(broken);
  });

  it("is opened with the key that sealed it, also when another one seals by now", async () => {
    const { owner, key } = await write(store, [bytes]);
    const keys = [
      { id: "newer-and-longer", secret: new Uint8Array(32).fill(1) },
      { id: "k", secret: new Uint8Array(32) },
    ];
    const renewed = { bucket: env.BUCKET, vault: createVault(keys) };
    const found = await readRange(renewed, owner, key, CHUNK_BYTES - 5, CHUNK_BYTES + 5);
    expect(found).toEqual(bytes.slice(CHUNK_BYTES - 5, CHUNK_BYTES + 5));
  });
});
