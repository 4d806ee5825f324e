// An uploaded file as the code sees it.

/** A part of an upload, as R2 knows it. */
export type FilePart = { bytes: number; etag: string };

export type StoredFile = {
  projectId: string;
  id: string;
  name: string;
  contentType: string;
  /** Of an upload: what was announced; null: nothing was. */
  sizeBytes: number | null;
  /** In hex; null until it is ready. */
  sha256: string | null;
  state: "uploading" | "ready";
  /** By their number, which begins at 1. Empty for a file that is ready. */
  parts: Record<string, FilePart>;
  createdAt: number;
  expiresAt: number;
};
