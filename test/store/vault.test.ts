import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createVault } from "../../src/store/vault";
import { anId, PROJECT } from "../support/factory";

const aKey = (id: string, fill = 1) => ({ id, secret: new Uint8Array(32).fill(fill) });
const aJob = () => ({ projectId: PROJECT, id: anId() });
const vault = createVault([aKey("k1")]);

describe("a vault", () => {
  it("gives every text and every bytes back as they were", async () => {
    const text = fc.string({ unit: "binary" }).map((one) => one.toWellFormed());
    await fc.assert(
      fc.asyncProperty(text, fc.uint8Array(), async (one, bytes) => {
        const job = aJob();
        expect(await vault.openText(job, await vault.sealText(job, one))).toBe(one);
        expect([...(await vault.openBytes(job, await vault.sealBytes(job, bytes)))]).toEqual([...bytes]);
      }),
    );
  });

  it("shows nothing of a text, and seals the same text differently each time", async () => {
    const job = aJob();
    const sealed = [await vault.sealText(job, "canary"), await vault.sealText(job, "canary")];
    expect(sealed[0]).not.toBe(sealed[1]);
    expect(sealed.join()).not.toContain("canary");
    expect(sealed.join()).not.toContain(btoa("canary").slice(0, 6));
  });

  it.each([
    ["another job", (job: { projectId: string }) => ({ ...job, id: anId() })],
    ["another project", (job: { id: string }) => ({ ...job, projectId: "other" })],
  ])("does not open a text in the name of %s", async (_whose, other) => {
    const job = aJob();
    const sealed = await vault.sealText(job, "canary");
    await expect(vault.openText({ ...job, ...other(job) }, sealed)).rejects.toMatchObject({
      code: "seal_broken",
    });
  });

  it("notices every changed byte", async () => {
    const job = aJob();
    const sealed = await vault.sealBytes(job, new TextEncoder().encode("a prompt"));
    const positions = Array.from({ length: sealed.length - 7 }, (_, i) => i + 7);
    for (const position of positions) {
      const changed = sealed.slice();
      changed[position] = (changed[position] ?? 0) ^ 1;
      await expect(vault.openBytes(job, changed)).rejects.toMatchObject({ code: "seal_broken" });
    }
  });

  it("seals each project with a key of its own: the same secret opens nothing of another's", async () => {
    const job = aJob();
    const sealed = await vault.sealText(job, "canary");
    const moved = { projectId: "other", id: job.id };
    await expect(vault.openText(moved, sealed)).rejects.toMatchObject({ code: "seal_broken" });
  });

  it("passes on what was stored before there were keys", async () => {
    expect(await vault.openText(aJob(), '{"prompt":"old"}')).toBe('{"prompt":"old"}');
  });

  it("seals nothing without keys", async () => {
    const none = createVault([]);
    expect(none.seals).toBe(false);
    expect(await none.sealText(aJob(), "plain")).toBe("plain");
  });
});

describe("changing keys", () => {
  const job = aJob();
  const before = createVault([aKey("k1", 1)]);
  const during = createVault([aKey("k1", 1), aKey("k2", 2)]);
  const after = createVault([aKey("k2", 2), aKey("k1", 1)]);
  const done = createVault([aKey("k2", 2)]);

  it("loses nothing while isolates with the settings of two neighbouring steps are at work", async () => {
    for (const [writer, reader] of [
      [before, during],
      [during, before],
      [during, after],
      [after, during],
      [after, done],
    ] as const) {
      expect(await reader.openText(job, await writer.sealText(job, "text"))).toBe("text");
    }
  });

  it("says which key is gone when one was dropped too early", async () => {
    await expect(done.openText(job, await before.sealText(job, "text"))).rejects.toMatchObject({
      ...{ code: "seal_broken", message: 'ENCRYPTION_KEYS has no key "k1".' },
    });
  });

  it("takes another secret under an old name for broken", async () => {
    const wrong = createVault([aKey("k1", 9)]);
    await expect(wrong.openText(job, await before.sealText(job, "text"))).rejects.toMatchObject({
      code: "seal_broken",
    });
  });
});
