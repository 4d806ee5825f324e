import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { ROW_TEXT_BYTES } from "../../src/core/limits";
import { inputKey, listKeys, loadText, openObject, storeText } from "../../src/store/objects";
import { createVault } from "../../src/store/vault";
import { anId, PROJECT } from "../support/factory";

const plain = { bucket: env.BUCKET, vault: createVault([]) };
const sealing = { bucket: env.BUCKET, vault: createVault([{ id: "k", secret: new Uint8Array(32) }]) };
const aJobKey = () => ({ projectId: PROJECT, id: anId() });

const away = new Proxy(env.BUCKET, {
  get: () => () => Promise.reject(new Error("R2 away")),
});

describe("storeText", () => {
  it.each([
    ["8,192 bytes", "x".repeat(8_192), 8_192, true],
    ["8,193 bytes", "x".repeat(8_193), 8_193, false],
    ["4,096 letters of two bytes", "é".repeat(4_096), 8_192, true],
    ["4,097 letters of two bytes", "é".repeat(4_097), 8_194, false],
    ["nothing", "", 0, true],
  ])("takes a text of %s out of the row only when it is too large", async (_what, text, bytes, inRow) => {
    const job = aJobKey();
    const key = inputKey(job);
    expect(await storeText(plain, job, key, text)).toEqual({
      bytes,
      inline: inRow ? text : null,
      key: inRow ? null : key,
    });
    if (!inRow) expect(await loadText(plain, job, key)).toBe(text);
    else expect(await env.BUCKET.head(key)).toBeNull();
  });

  it("puts a large text into the row when R2 is away, as long as the row can hold it", async () => {
    const job = aJobKey();
    const text = "x".repeat(ROW_TEXT_BYTES);
    const store = { ...plain, bucket: away };
    expect(await storeText(store, job, inputKey(job), text)).toEqual({
      ...{ bytes: ROW_TEXT_BYTES, inline: text, key: null },
    });
    await expect(storeText(store, job, inputKey(job), `${text}x`)).rejects.toMatchObject({
      code: "store_unavailable",
    });
  });

  it("counts the bytes of what was sealed before it was", async () => {
    const job = aJobKey();
    const stored = await storeText(sealing, job, inputKey(job), "é".repeat(10));
    expect(stored).toMatchObject({ bytes: 20, key: null });
    expect(stored.inline).not.toContain("é");
  });
});

describe("an object", () => {
  it.each([
    ["plain", plain],
    ["sealed", sealing],
  ])("that is %s comes back as it was, as text and for an answer", async (_how, store) => {
    const job = aJobKey();
    const text = JSON.stringify({ prompt: "Tea ".repeat(5_000) });
    await storeText(store, job, inputKey(job), text);
    expect(await loadText(store, job, inputKey(job))).toBe(text);
    expect(await new Response(await openObject(store, job, inputKey(job))).text()).toBe(text);
  });

  it("that is not there though it should be is an error of its own, which waiting does not mend", async () => {
    const job = aJobKey();
    await expect(loadText(plain, job, inputKey(job))).rejects.toMatchObject({
      ...{ code: "object_missing", retryable: false },
    });
  });

  it("that cannot be reached is a store that does not answer", async () => {
    const job = aJobKey();
    const store = { ...plain, bucket: away };
    await expect(loadText(store, job, inputKey(job))).rejects.toMatchObject({ code: "store_unavailable" });
    await expect(listKeys(away, "x")).rejects.toMatchObject({ code: "store_unavailable" });
  });
});
