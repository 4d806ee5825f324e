// Files on the wire.

export type StoredFile = {
  id: string;
  object: "file";
  name: string;
  content_type: string;
  /** Of an upload: what was announced. */
  size_bytes: number | null;
  /** Of the content, in hex. Null until it is ready. */
  sha256: string | null;
  state: "uploading" | "ready";
  /** Of an upload by parts: those that are there. */
  parts?: { number: number; size_bytes: number }[];
  /** Of an upload by parts: the size of each but the last. */
  part_bytes?: number;
  created_at: string;
  /** When it is erased. */
  expires_at: string;
};

/** A file that a job has written, at `GET /v1/jobs/{id}/files/{name}`. */
export type JobFile = { name: string; bytes: number; content_type: string };
