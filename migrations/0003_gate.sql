-- Whose turn it is, and at what price: the gate's line, routes, pauses, concurrency keys, budgets, usage by day.

ALTER TABLE projects ADD COLUMN weight REAL;            -- its share of a pool's tokens beside other projects; NULL: 1

ALTER TABLE jobs ADD COLUMN pool TEXT;                  -- the gate whose turn it waits for; NULL: none
ALTER TABLE jobs ADD COLUMN fair_key TEXT;              -- an end user of the project
ALTER TABLE jobs ADD COLUMN concurrency_key TEXT;       -- at most concurrency_limit of these run at once
ALTER TABLE jobs ADD COLUMN concurrency_limit INTEGER;
ALTER TABLE jobs ADD COLUMN input_chars INTEGER;        -- what its tokens are estimated from
ALTER TABLE jobs ADD COLUMN max_output_tokens INTEGER;
ALTER TABLE jobs ADD COLUMN route TEXT;                 -- JSON: where else it may go, and where it is; NULL: one place only
ALTER TABLE jobs ADD COLUMN key_id TEXT;                -- the API key that submitted it; NULL: the root key
ALTER TABLE jobs ADD COLUMN on_budget TEXT;             -- 'fail': it does not wait for a budget
ALTER TABLE jobs ADD COLUMN reserve_tokens INTEGER;     -- what a run of it may use at the most, as far as is known
ALTER TABLE jobs ADD COLUMN reserve_nano_usd INTEGER;
ALTER TABLE jobs ADD COLUMN reserved INTEGER;           -- 1: its run has been counted against a budget

-- The line of each pool. Running jobs stay in it, so that a claim does not have to write here.
CREATE INDEX jobs_in_line ON jobs (pool, project_id, lane, priority DESC, run_at)
WHERE pool IS NOT NULL AND wake_at IS NOT NULL;

-- Those that have a slot of the pool, for a gate that has lost its memory.
CREATE INDEX jobs_in_pool ON jobs (pool) WHERE pool IS NOT NULL AND state = 'running';

CREATE INDEX jobs_by_concurrency ON jobs (project_id, concurrency_key, state)
WHERE concurrency_key IS NOT NULL AND wake_at IS NOT NULL;

CREATE INDEX jobs_reserved ON jobs (project_id) WHERE reserved = 1 AND state = 'running';

-- What may not be started for now. `project_id` is '' for all of the deployment.
CREATE TABLE pauses (
  project_id TEXT NOT NULL,
  scope TEXT NOT NULL,            -- project, task or pool
  name TEXT NOT NULL,             -- of the task or pool; '' for a project
  id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (project_id, scope, name)
) WITHOUT ROWID;

-- What a project, or one of its keys, may use. NULL: no limit.
CREATE TABLE budgets (
  project_id TEXT NOT NULL,
  key_id TEXT NOT NULL,           -- '' : the project as a whole
  jobs_per_minute INTEGER,
  tokens_per_day INTEGER,
  nano_usd_per_day INTEGER,
  nano_usd_per_month INTEGER,
  wake_at INTEGER,                -- when the clock must look whether the jobs that wait for it may start
  position TEXT,                  -- while those are rung: the id of the last one; '' at the start; NULL: none are
  PRIMARY KEY (project_id, key_id)
) WITHOUT ROWID;

CREATE INDEX budgets_to_wake ON budgets (wake_at) WHERE wake_at IS NOT NULL;

ALTER TABLE ledger ADD COLUMN key_id TEXT;
ALTER TABLE ledger ADD COLUMN price TEXT;               -- JSON: the prices it was charged by

-- The ledger added up. A day is one of UTC, as YYYY-MM-DD. Lines with a tag count again what the line with tag '' has.
CREATE TABLE usage_days (
  project_id TEXT NOT NULL,
  day TEXT NOT NULL,
  tag TEXT NOT NULL,
  task TEXT NOT NULL,
  model TEXT NOT NULL,
  key_id TEXT NOT NULL,
  runs INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  cost_nano_usd INTEGER NOT NULL,
  unpriced_runs INTEGER NOT NULL,
  estimated_runs INTEGER NOT NULL,
  PRIMARY KEY (project_id, day, tag, task, model, key_id)
) WITHOUT ROWID;

CREATE TRIGGER ledger_adds_up AFTER INSERT ON ledger
BEGIN
  INSERT INTO usage_days
    SELECT NEW.project_id, strftime('%Y-%m-%d', NEW.at / 1000, 'unixepoch'), t.tag, NEW.task, COALESCE(NEW.model, ''),
      COALESCE(NEW.key_id, ''), 1, NEW.input_tokens, NEW.output_tokens, NEW.cached_tokens, NEW.reasoning_tokens,
      COALESCE(NEW.cost_nano_usd, 0), NEW.cost_nano_usd IS NULL, NEW.estimated
    FROM (SELECT '' AS tag UNION SELECT tag.value
      FROM jobs, json_each(COALESCE(jobs.tags, '[]')) AS tag WHERE jobs.project_id = NEW.project_id AND jobs.id = NEW.job_id) AS t
    WHERE true
    ON CONFLICT DO UPDATE SET runs = runs + 1, input_tokens = input_tokens + excluded.input_tokens,
      output_tokens = output_tokens + excluded.output_tokens, cached_tokens = cached_tokens + excluded.cached_tokens,
      reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
      cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd, unpriced_runs = unpriced_runs + excluded.unpriced_runs,
      estimated_runs = estimated_runs + excluded.estimated_runs;
END;
