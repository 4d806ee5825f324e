// Uploaded files: what they are called, how far their upload is, and until when they are kept.

import type { FilePart, StoredFile } from "../core/file";
import { ask, fromJson, type JobKey, NOW, pairs } from "./db";
import type { PartsUpload } from "./object-parts";
import type { ChunkBytes } from "./sealed-chunks";

type FileRow = {
  project_id: string;
  id: string;
  name: string;
  content_type: string;
  size_bytes: number | null;
  sha256: string | null;
  state: StoredFile["state"];
  upload_id: string | null;
  chunk_bytes: ChunkBytes;
  parts: string | null;
  created_at: number;
  expires_at: number;
};

/** A file, and of one that is being uploaded what R2 knows the upload by. */
export type FileRecord = StoredFile & { upload: PartsUpload | null };

const COLUMNS =
  "project_id, id, name, content_type, size_bytes, sha256, state, upload_id, chunk_bytes, parts, created_at, expires_at";

/** A file whose time is over is there until its content is gone, but nobody sees it. */
const VISIBLE = `expires_at > ${NOW}`;

/** Uploads that are not complete by then are given up. R2 itself gives them a week. */
const UPLOAD_MS = 86_400_000;

/** How long the project keeps what it has: its own rule, or else the deployment's (`?2`). */
const KEPT_MS = "COALESCE((SELECT retention_ms FROM projects WHERE id = ?1), ?2)";

export type NewFile = Pick<
  StoredFile,
  "projectId" | "id" | "name" | "contentType" | "sizeBytes" | "sha256"
> & {
  /** Null: its content is stored already. */
  upload: PartsUpload | null;
};

/** Repeatable: the same id is one file. Null: the project is gone. */
export async function insertFile(
  db: D1Database,
  file: NewFile,
  retentionMs: number,
): Promise<FileRecord | null> {
  const { projectId, id, name, contentType, sizeBytes, sha256, upload } = file;
  const keptMs = upload === null ? KEPT_MS : `MIN(${KEPT_MS}, ${UPLOAD_MS})`;
  const sql = `INSERT INTO files (project_id, id, name, content_type, size_bytes, sha256, state, upload_id, chunk_bytes,
      parts, created_at, expires_at)
    SELECT ?1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ${NOW}, ${NOW} + ${keptMs}
      WHERE EXISTS (SELECT 1 FROM projects WHERE id = ?1 AND deleted_at IS NULL)
    ON CONFLICT DO UPDATE SET name = name RETURNING ${COLUMNS}`;
  const state: StoredFile["state"] = upload === null ? "ready" : "uploading";
  const ofUpload = [upload?.uploadId ?? null, upload?.chunkBytes ?? null, upload === null ? null : "{}"];
  const binds = [projectId, retentionMs, id, name, contentType, sizeBytes, sha256, state, ...ofUpload];
  return one(db.prepare(sql).bind(...binds));
}

export async function getFile(db: D1Database, projectId: string, id: string): Promise<FileRecord | null> {
  const sql = `SELECT ${COLUMNS} FROM files WHERE project_id = ?1 AND id = ?2 AND ${VISIBLE}`;
  return one(db.prepare(sql).bind(projectId, id));
}

/** Newest first; `after` is the last id of the page before. */
export async function listFiles(
  db: D1Database,
  projectId: string,
  limit: number,
  after: string | null,
): Promise<{ files: StoredFile[]; next: string | null }> {
  const sql = `SELECT ${COLUMNS} FROM files
    WHERE project_id = ?1 AND (?2 IS NULL OR id < ?2) AND ${VISIBLE} ORDER BY id DESC LIMIT ?3`;
  const files = await all(db.prepare(sql).bind(projectId, after, limit + 1));
  const page = files.slice(0, limit);
  return { files: page, next: files.length > limit ? (page.at(-1)?.id ?? null) : null };
}

/** One statement, so that parts that come at the same time do not lose one another. Null: it takes no parts any more. */
export async function saveFilePart(
  db: D1Database,
  projectId: string,
  id: string,
  number: number,
  part: FilePart,
): Promise<FileRecord | null> {
  const sql = `UPDATE files SET parts = json_set(parts, ?3, json(?4))
    WHERE project_id = ?1 AND id = ?2 AND state = 'uploading' AND ${VISIBLE} RETURNING ${COLUMNS}`;
  return one(db.prepare(sql).bind(projectId, id, `$."${number}"`, JSON.stringify(part)));
}

/** Its content is there. Null: it was complete before, or was deleted. */
export async function completeFile(
  db: D1Database,
  { projectId, id }: JobKey,
  { bytes, sha256 }: { bytes: number; sha256: string },
  retentionMs: number,
): Promise<FileRecord | null> {
  const sql = `UPDATE files SET state = 'ready', size_bytes = ?4, sha256 = ?5, upload_id = NULL, parts = NULL,
      expires_at = created_at + ${KEPT_MS}
    WHERE project_id = ?1 AND id = ?3 AND state = 'uploading' AND ${VISIBLE} RETURNING ${COLUMNS}`;
  return one(db.prepare(sql).bind(projectId, retentionMs, id, bytes, sha256));
}

/** Nobody sees it from now on. Null: nobody has seen it before. */
export async function hideFile(db: D1Database, projectId: string, id: string): Promise<FileRecord | null> {
  const sql = `UPDATE files SET expires_at = ${NOW}
    WHERE project_id = ?1 AND id = ?2 AND ${VISIBLE} RETURNING ${COLUMNS}`;
  return one(db.prepare(sql).bind(projectId, id));
}

/** Of all projects, those that have to be erased, the oldest `limit` of them. */
export async function findExpiredFiles(db: D1Database, limit: number): Promise<FileRecord[]> {
  const sql = `SELECT ${COLUMNS} FROM files WHERE expires_at <= ${NOW} ORDER BY expires_at LIMIT ?1`;
  return all(db.prepare(sql).bind(limit));
}

/** Any `limit` files of a project, hidden or not. */
export async function findFilesOf(db: D1Database, projectId: string, limit: number): Promise<FileRecord[]> {
  const sql = `SELECT ${COLUMNS} FROM files WHERE project_id = ?1 LIMIT ?2`;
  return all(db.prepare(sql).bind(projectId, limit));
}

/** Those of the keys whose file has a row, hidden or not. */
export async function findExistingFiles(db: D1Database, keys: JobKey[]): Promise<Set<string>> {
  const sql = `SELECT project_id || '/' || id AS name FROM files
    WHERE (project_id, id) IN (SELECT value->>0, value->>1 FROM json_each(?1))`;
  const { results } = await ask(db.prepare(sql).bind(pairs(keys)).all<{ name: string }>());
  return new Set(results.map(({ name }) => name));
}

/** Their content must be gone by then. */
export async function deleteFileRows(db: D1Database, keys: JobKey[]): Promise<void> {
  const sql = `DELETE FROM files
    WHERE (project_id, id) IN (SELECT value->>0, value->>1 FROM json_each(?1))`;
  await ask(db.prepare(sql).bind(pairs(keys)).run());
}

async function one(query: D1PreparedStatement): Promise<FileRecord | null> {
  const row = await ask(query.first<FileRow>());
  return row && toFile(row);
}

async function all(query: D1PreparedStatement): Promise<FileRecord[]> {
  return (await ask(query.all<FileRow>())).results.map(toFile);
}

function toFile(row: FileRow): FileRecord {
  return {
    projectId: row.project_id,
    id: row.id,
    name: row.name,
    contentType: row.content_type,
    sizeBytes: row.size_bytes,
    sha256: row.sha256,
    state: row.state,
    parts: fromJson<Record<string, FilePart>>(row.parts) ?? {},
    upload: row.upload_id === null ? null : { uploadId: row.upload_id, chunkBytes: row.chunk_bytes },
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}
