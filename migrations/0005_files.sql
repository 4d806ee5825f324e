-- Files that were uploaded. What is in them lies in R2, under {project}/files/{id}.

CREATE TABLE files (
  project_id TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  content_type TEXT NOT NULL,
  size_bytes INTEGER CHECK (size_bytes >= 0),  -- of an upload: what was announced; NULL: nothing was
  sha256 TEXT,                    -- of the content, in hex; NULL until it is ready
  state TEXT NOT NULL CHECK (state IN ('uploading', 'ready')),
  upload_id TEXT,                 -- of R2, while parts are taken
  chunk_bytes INTEGER,            -- what a sealed chunk of its parts takes; NULL: they are not sealed
  parts TEXT,                     -- JSON: {"1": {"bytes": 5242880, "etag": "…"}}, by number
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,    -- hidden from then on, and erased
  PRIMARY KEY (project_id, id)
) WITHOUT ROWID;

CREATE INDEX files_by_expiry ON files (expires_at);
