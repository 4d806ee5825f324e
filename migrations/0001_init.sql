-- Projects, keys and jobs. Instants are milliseconds since 1970; JSON columns hold text.
-- WITHOUT ROWID and time-ordered ids: a project's jobs are stored in the order in which lists show them, without an index.

CREATE TABLE projects (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO projects (id, name, created_at)
VALUES ('default', 'Default', CAST(unixepoch('subsec') * 1000 AS INTEGER));

CREATE TABLE api_keys (
  project_id TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT,
  hash TEXT NOT NULL,             -- SHA-256 of the key in hex; the key itself is shown once and not kept
  hint TEXT NOT NULL,             -- its last four characters
  scopes TEXT NOT NULL,           -- JSON list
  created_at INTEGER NOT NULL,
  PRIMARY KEY (project_id, id)
) WITHOUT ROWID;

CREATE UNIQUE INDEX api_keys_by_hash ON api_keys (hash);

CREATE TABLE jobs (
  project_id TEXT NOT NULL,
  id TEXT NOT NULL,
  task TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'running', 'waiting', 'completed', 'failed', 'cancelled')),
  reason TEXT,
  channel TEXT,
  lane TEXT NOT NULL,
  priority INTEGER NOT NULL,
  model TEXT,
  stream INTEGER NOT NULL,
  run INTEGER NOT NULL DEFAULT 0 CHECK (run >= 0),            -- claims so far: the fence of every write of a run
  attempt INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),    -- tries used
  max_attempts INTEGER NOT NULL CHECK (max_attempts >= 1),
  timeout_ms INTEGER NOT NULL,
  crashes INTEGER NOT NULL DEFAULT 0 CHECK (crashes >= 0),    -- runs that died without a word
  turns INTEGER NOT NULL DEFAULT 0 CHECK (turns >= 0),        -- how often the task said `again`
  version INTEGER NOT NULL DEFAULT 1,                         -- rises with every move
  created_at INTEGER NOT NULL,
  run_at INTEGER NOT NULL,                                    -- not to be started before
  started_at INTEGER,
  finished_at INTEGER,
  expires_at INTEGER,
  wake_at INTEGER,                                            -- when the clock must look; NULL once final
  lease_until INTEGER,
  claim_id TEXT,                                              -- which consumer invocation claimed it last
  cancel_requested_at INTEGER,
  rerun_of TEXT,
  idempotency_key TEXT,
  input_bytes INTEGER NOT NULL,
  input_key TEXT,                                             -- in R2, when too large for the row
  output_bytes INTEGER,
  output_key TEXT,
  error TEXT,
  progress TEXT,
  usage TEXT,
  tags TEXT,
  metadata TEXT,
  attempts TEXT,
  turn_state TEXT,                                            -- what the task wants to find in its next turn
  input TEXT,
  output TEXT,
  PRIMARY KEY (project_id, id)
) WITHOUT ROWID;

CREATE INDEX jobs_to_wake ON jobs (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX jobs_by_channel ON jobs (project_id, channel, id) WHERE channel IS NOT NULL;
CREATE INDEX jobs_failed ON jobs (project_id, id) WHERE state = 'failed';
CREATE INDEX jobs_cancelled ON jobs (project_id, id) WHERE state = 'cancelled';

CREATE TABLE job_tags (
  project_id TEXT NOT NULL,
  tag TEXT NOT NULL,
  job_id TEXT NOT NULL,
  PRIMARY KEY (project_id, tag, job_id)
) WITHOUT ROWID;

-- One row per idempotency key. `job_ids` is the JSON list of a bulk submit; a single submit has only `job_id`.
CREATE TABLE idempotency_keys (
  project_id TEXT NOT NULL,
  key TEXT NOT NULL,
  hash TEXT NOT NULL,             -- SHA-256 of the canonical request body
  job_id TEXT NOT NULL,           -- the (first) job this key made
  job_ids TEXT,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (project_id, key)
) WITHOUT ROWID;

-- The same key with another body ends the whole transaction, so that a bulk submit is all or nothing here too.
CREATE TRIGGER idempotency_keys_mismatch
BEFORE INSERT ON idempotency_keys
WHEN EXISTS (
  SELECT 1 FROM idempotency_keys WHERE project_id = NEW.project_id AND key = NEW.key AND hash <> NEW.hash
)
BEGIN
  SELECT RAISE(ABORT, 'idempotency_mismatch');
END;

-- How many jobs a browser token has submitted, for tokens that are limited.
CREATE TABLE token_uses (
  token_id TEXT PRIMARY KEY,
  used INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) WITHOUT ROWID;
