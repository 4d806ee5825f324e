-- What must not be lost, and what must go: retention and erasure, the ledger of usage, causes of failure, operations.

ALTER TABLE projects ADD COLUMN retention_ms INTEGER;   -- how long its ended jobs are kept; NULL: RETENTION_DAYS
ALTER TABLE projects ADD COLUMN deleted_at INTEGER;     -- takes no jobs any more; its data is being erased, or is gone

ALTER TABLE jobs ADD COLUMN retention_ms INTEGER;       -- how long it is kept after its end; NULL: as its project
ALTER TABLE jobs ADD COLUMN erase_at INTEGER;           -- from then on nobody sees it, and the clock erases it
ALTER TABLE jobs ADD COLUMN fingerprint TEXT;           -- of the cause, when it has failed

CREATE INDEX jobs_to_erase ON jobs (erase_at) WHERE erase_at IS NOT NULL;

-- With the fingerprint, so that failures are grouped without a look at the rows.
DROP INDEX jobs_failed;
CREATE INDEX jobs_failed ON jobs (project_id, id, fingerprint) WHERE state = 'failed';

-- The few whose run has died before, so that one with its last chance can be run while no other of them is.
CREATE INDEX jobs_suspected ON jobs (lease_until) WHERE state = 'running' AND crashes > 0;

-- What each run has used, once: also of runs that had lost their job when they came to write (`lost`).
CREATE TABLE ledger (
  project_id TEXT NOT NULL,
  job_id TEXT NOT NULL,
  run INTEGER NOT NULL,
  at INTEGER NOT NULL,
  task TEXT NOT NULL,
  model TEXT,
  lost INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  cost_nano_usd INTEGER,          -- billionths of a dollar; NULL: the model has no price
  estimated INTEGER NOT NULL,
  PRIMARY KEY (project_id, job_id, run)
) WITHOUT ROWID;

-- What is done to many jobs at once, in slices: cancel, retry, erase by filter, and the end of a project.
CREATE TABLE operations (
  project_id TEXT NOT NULL,       -- who asked and may look
  id TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL,           -- the project it is done to
  filter TEXT NOT NULL,           -- JSON
  rate REAL,                      -- jobs a second, for retries
  position TEXT,                  -- JSON: where the next slice begins; NULL: nothing is left
  changed INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  finished_at INTEGER,
  wake_at INTEGER,                -- when the clock must go on with it; NULL once finished
  PRIMARY KEY (project_id, id)
) WITHOUT ROWID;

CREATE INDEX operations_to_wake ON operations (wake_at) WHERE wake_at IS NOT NULL;

-- A bulk submit's key belongs to no single job, and is forgotten by age.
CREATE INDEX bulk_keys_by_age ON idempotency_keys (created_at) WHERE job_ids IS NOT NULL;
