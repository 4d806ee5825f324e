import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { TIMING } from "../../src/core/limits";
import { createKey, deleteKey, findKeyByHash, listKeys } from "../../src/store/keys";
import { createProject, findProject, listProjects, markDeleted } from "../../src/store/projects";
import { insertJobs } from "../../src/store/submit";
import { dropExpiredTokenUses, takeTokenUses } from "../../src/store/token-uses";
import { aNewJob, anId } from "../support/factory";

const aKey = (projectId: string) => ({
  projectId,
  id: anId("key"),
  name: "backend",
  hint: "wxyz",
  scopes: ["jobs:read" as const],
});
const aToken = (maxJobs: number) => ({ id: anId("tok"), maxJobs, expiresAt: Date.now() + 60_000 });

describe("takeTokenUses", () => {
  it("gives exactly as many uses as there are, to whoever asks at the same time", async () => {
    const token = aToken(7);
    const asked = Array.from({ length: 50 }, () => takeTokenUses(env.DB, token, 1));
    expect((await Promise.all(asked)).filter(Boolean)).toHaveLength(7);
  });

  it("takes all that was asked for or nothing", async () => {
    const token = aToken(5);
    expect(await takeTokenUses(env.DB, token, 3)).toBe(true);
    expect(await takeTokenUses(env.DB, token, 3)).toBe(false);
    expect(await takeTokenUses(env.DB, token, 2)).toBe(true);
    expect(await takeTokenUses(env.DB, token, 1)).toBe(false);
    expect(await takeTokenUses(env.DB, aToken(5), 6)).toBe(false);
  });

  it("starts anew once the expired are forgotten, and keeps the others", async () => {
    const [old, live] = [{ ...aToken(1), expiresAt: 1_000 }, aToken(1)];
    for (const token of [old, live]) await takeTokenUses(env.DB, token, 1);
    await dropExpiredTokenUses(env.DB);
    expect(await takeTokenUses(env.DB, old, 1)).toBe(true);
    expect(await takeTokenUses(env.DB, live, 1)).toBe(false);
  });
});

describe("projects", () => {
  it("are made once", async () => {
    expect(await createProject(env.DB, "acme", { name: "Acme", retentionMs: null, weight: 1 })).toMatchObject(
      {
        id: "acme",
        name: "Acme",
      },
    );
    await expect(
      createProject(env.DB, "acme", { name: "Other", retentionMs: null, weight: 1 }),
    ).rejects.toMatchObject({
      code: "project_exists",
    });
    expect(await findProject(env.DB, "acme")).toMatchObject({ name: "Acme" });
    expect((await listProjects(env.DB)).map(({ id }) => id)).toEqual(["acme", "default"]);
    expect(await findProject(env.DB, "nobody")).toBeNull();
  });

  it("lose their keys and take no jobs once they are deleted", async () => {
    await createProject(env.DB, "leaver", { name: "Leaver", retentionMs: null, weight: 1 });
    await createKey(env.DB, aKey("leaver"), "hash-leaver");
    await markDeleted(env.DB, "leaver");
    expect(await findKeyByHash(env.DB, "hash-leaver")).toBeNull();
    expect(await createKey(env.DB, aKey("leaver"), "hash-later")).toBeNull();
    expect(await insertJobs(env.DB, "leaver", [aNewJob()], null, TIMING)).toEqual([]);
    expect((await listProjects(env.DB)).map(({ id }) => id)).not.toContain("leaver");
  });

  it("may be made again under an old id when no token of the old one can be good any more", async () => {
    await createProject(env.DB, "phoenix", { name: "Old", retentionMs: null, weight: 1 });
    await markDeleted(env.DB, "phoenix");
    const again = () => createProject(env.DB, "phoenix", { name: "New", retentionMs: null, weight: 1 });
    await expect(again()).rejects.toMatchObject({
      code: "project_exists",
      message: expect.stringContaining("less than an hour ago"),
    });
    await env.DB.exec(`UPDATE projects SET deleted_at = ${Date.now() - 3_601_000} WHERE id = 'phoenix'`);
    expect(await again()).toMatchObject({ name: "New", deletedAt: null });
  });
});

describe("keys", () => {
  it("are found by their hash, whoever's they are", async () => {
    await createProject(env.DB, "keyed", { name: "Keyed", retentionMs: null, weight: 1 });
    const key = aKey("keyed");
    const made = await createKey(env.DB, key, "hash-1");
    expect(made).toMatchObject(key);
    expect(await findKeyByHash(env.DB, "hash-1")).toEqual(made);
    expect(await listKeys(env.DB, "keyed")).toEqual([made]);
  });

  it("are not made for a project that does not exist", async () => {
    expect(await createKey(env.DB, aKey("nobody"), "hash-2")).toBeNull();
  });

  it("are deleted by their own project only", async () => {
    await createProject(env.DB, "owner", { name: "Owner", retentionMs: null, weight: 1 });
    const key = aKey("owner");
    await createKey(env.DB, key, "hash-3");
    expect(await deleteKey(env.DB, "default", key.id)).toBe(false);
    expect(await deleteKey(env.DB, "owner", key.id)).toBe(true);
    expect(await findKeyByHash(env.DB, "hash-3")).toBeNull();
  });
});
