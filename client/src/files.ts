// `errand.files`: what is too large for a job's input, uploaded, looked at, downloaded and deleted.

import type { Http } from "./http.ts";
import type { CallOptions } from "./submit-options.ts";
import type { StoredFile } from "./wire-files.ts";
import type { Page } from "./wire-lists.ts";

/** A stream is sent as it comes, and never held. */
export type FileContent = Blob | ReadableStream<Uint8Array> | Uint8Array | string;

export type UploadOptions = CallOptions & {
  name: string;
  /** Default: that of a blob, or `application/octet-stream`. */
  contentType?: string;
  /** What the content must have, in hex; else it is refused. */
  sha256?: string;
};

export type DownloadOptions = CallOptions & {
  /** Bytes from `from` up to, and without, `to`. Default: all. */
  range?: { from: number; to?: number };
};

/** `limit`: files a page, 1 to 100, default 20. `cursor`: `next_cursor` of the page before. */
export type FileListOptions = CallOptions & { limit?: number; cursor?: string };

/** Megabytes take longer than other requests. */
const UPLOAD_TIMEOUT_MS = 600_000;

export class Files {
  constructor(private readonly http: Http) {}

  /** Sent once: twice it could make two files. */
  upload(content: FileContent, { name, contentType, sha256, signal }: UploadOptions): Promise<StoredFile> {
    const type = contentType ?? (content instanceof Blob && content.type ? content.type : undefined);
    return this.http.json({
      method: "POST",
      path: "/v1/files",
      query: { name },
      content: { body: content as BodyInit, type: type ?? "application/octet-stream" },
      headers: sha256 === undefined ? {} : { "content-digest": `sha-256=:${toBase64(sha256)}:` },
      timeoutMs: UPLOAD_TIMEOUT_MS,
      signal,
    });
  }

  get(id: string, { signal }: CallOptions = {}): Promise<StoredFile> {
    return this.http.json({ method: "GET", path: pathOf(id), signal });
  }

  /** The open answer: read its `body` as a stream, or `await` its `text()` or `blob()`. */
  content(id: string, { range, signal }: DownloadOptions = {}): Promise<Response> {
    const last = range?.to === undefined ? "" : range.to - 1;
    const headers: Record<string, string> = range ? { range: `bytes=${range.from}-${last}` } : {};
    return this.http.open({ method: "GET", path: `${pathOf(id)}/content`, headers, signal });
  }

  /** A page, newest first. */
  list({ signal, ...query }: FileListOptions = {}): Promise<Page<StoredFile>> {
    return this.http.json({ method: "GET", path: "/v1/files", query, signal });
  }

  /** Its content goes at once. */
  delete(id: string, { signal }: CallOptions = {}): Promise<void> {
    return this.http.done({ method: "DELETE", path: pathOf(id), isDoneWhenGone: true, signal });
  }
}

function pathOf(id: string): string {
  return `/v1/files/${encodeURIComponent(id)}`;
}

function toBase64(hex: string): string {
  if (!/^[0-9a-f]{64}$/i.test(hex)) throw new TypeError("`sha256` must be 64 hex digits.");
  const bytes = hex.match(/../g)?.map((pair) => Number.parseInt(pair, 16)) ?? [];
  return btoa(String.fromCharCode(...bytes));
}
