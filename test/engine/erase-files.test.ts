// Files go when their time is over, when their upload was given up, and with their project.

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { eraseExpiredFiles, eraseFile } from "../../src/engine/erase-files";
import { operate } from "../../src/engine/operate";
import { storeFile } from "../../src/engine/store-file";
import { beginUpload, completeUpload, putUploadPart } from "../../src/engine/upload-parts";
import { getFile } from "../../src/store/files";
import { createProject, markDeleted } from "../../src/store/projects";
import { brokenBucket, type TestDeps, testDeps } from "../support/deps";
import { PROJECT } from "../support/factory";
import { aFile } from "../support/files";
import { countRows } from "../support/rows";

const DAY_MS = 86_400_000;
const REST = "files WHERE project_id";

/** As long as it takes until this file's time is over. */
async function age(id: string, ms: number): Promise<void> {
  const sql = "UPDATE files SET expires_at = expires_at - ?2, created_at = created_at - ?2 WHERE id = ?1";
  await env.DB.prepare(sql).bind(id, ms).run();
}

async function anUpload(deps: TestDeps, projectId = PROJECT) {
  const begun = await beginUpload(deps, { projectId, name: "u", contentType: "text/plain", sizeBytes: null });
  const file = await getFile(env.DB, projectId, begun.id);
  if (!file) throw new Error("no file");
  await putUploadPart(deps, file, 1, new Uint8Array(9));
  return file;
}

describe("a file", () => {
  it("is kept as long as the deployment says, then hidden at once and erased", async () => {
    const deps = testDeps();
    const file = await aFile({ deps });
    expect(file.expiresAt - file.createdAt).toBe(deps.config.retentionMs);
    await age(file.id, deps.config.retentionMs - 60_000);
    expect(await eraseExpiredFiles(deps, 10)).toBe(0);
    await age(file.id, 60_000);
    expect(await getFile(env.DB, PROJECT, file.id)).toBeNull();
    expect(await eraseExpiredFiles(deps, 10)).toBe(1);
    expect(await env.BUCKET.head(`${PROJECT}/files/${file.id}`)).toBeNull();
    expect(await countRows(`files WHERE id = '${file.id}'`)).toBe(0);
  });

  it("is kept as long as its project says", async () => {
    await createProject(env.DB, "brief", { name: "Brief", retentionMs: 3_600_000, weight: 1 });
    const file = await aFile({ projectId: "brief" });
    expect(file.expiresAt - file.createdAt).toBe(3_600_000);
    const upload = await anUpload(testDeps(), "brief");
    expect(upload.expiresAt - upload.createdAt).toBe(3_600_000);
  });

  it("that R2 would not give up is hidden, and erased later", async () => {
    const { id } = await aFile();
    const away = eraseFile(testDeps({ bucket: brokenBucket() }), PROJECT, id);
    await expect(away).rejects.toMatchObject({ code: "store_unavailable" });
    expect(await getFile(env.DB, PROJECT, id)).toBeNull();
    expect(await env.BUCKET.head(`${PROJECT}/files/${id}`)).not.toBeNull();
    await eraseExpiredFiles(testDeps(), 10);
    expect(await env.BUCKET.head(`${PROJECT}/files/${id}`)).toBeNull();
  });
});

it("an upload that nobody has completed within a day is given up, with its parts", async () => {
  const deps = testDeps();
  const { id, upload } = await anUpload(deps);
  await age(id, DAY_MS - 60_000);
  expect(await getFile(env.DB, PROJECT, id)).not.toBeNull();
  await age(id, 60_000);
  await eraseExpiredFiles(deps, 10);
  expect(await countRows(`files WHERE id = '${id}'`)).toBe(0);
  const gone = env.BUCKET.resumeMultipartUpload(`${PROJECT}/files/${id}`, upload?.uploadId ?? "");
  await expect(gone.uploadPart(2, "x")).rejects.toThrow("(10024)");
});

it("an upload that is complete is kept as long as any file", async () => {
  const deps = testDeps();
  const { id } = await anUpload(deps);
  const file = await getFile(env.DB, PROJECT, id);
  if (!file) throw new Error("no file");
  expect(file.expiresAt - file.createdAt).toBe(DAY_MS);
  const ready = await completeUpload(deps, file, null);
  expect(ready.expiresAt - ready.createdAt).toBe(deps.config.retentionMs);
});

describe("a project", () => {
  it("that is erased takes its files and uploads along, and no other's", async () => {
    const deps = testDeps();
    await createProject(env.DB, "doomed", { name: "Doomed", retentionMs: null, weight: 1 });
    const file = await aFile({ deps, projectId: "doomed" });
    const { id, upload } = await anUpload(deps, "doomed");
    const other = await aFile({ deps });
    const all = { action: "erase_project", filter: {}, rate: null } as const;
    const operation = await operate(deps, { projectId: PROJECT, target: "doomed", ...all });
    expect(operation.finishedAt).not.toBeNull();
    expect(await countRows(`${REST} = 'doomed'`)).toBe(0);
    expect(await env.BUCKET.head(`doomed/files/${file.id}`)).toBeNull();
    const gone = env.BUCKET.resumeMultipartUpload(`doomed/files/${id}`, upload?.uploadId ?? "");
    await expect(gone.uploadPart(2, "x")).rejects.toThrow("(10024)");
    expect(await getFile(env.DB, PROJECT, other.id)).not.toBeNull();
  });

  it("that was deleted while a file came in keeps nothing of it", async () => {
    const deps = testDeps();
    await createProject(env.DB, "leaving", { name: "Leaving", retentionMs: null, weight: 1 });
    async function* content() {
      yield new Uint8Array(10);
      await markDeleted(env.DB, "leaving");
    }
    const head = { projectId: "leaving", name: "late", contentType: "text/plain", sha256: null };
    await expect(storeFile(deps, { ...head, content: content() })).rejects.toMatchObject({
      code: "not_found",
    });
    expect((await env.BUCKET.list({ prefix: "leaving/" })).objects).toEqual([]);
    expect(await countRows(`${REST} = 'leaving'`)).toBe(0);
    const begun = { projectId: "leaving", name: "u", contentType: "text/plain", sizeBytes: null };
    await expect(beginUpload(deps, begun)).rejects.toMatchObject({ code: "not_found" });
  });
});
