-- Never asking twice: answers that are kept, who is making one, and the equal jobs that wait for it.

ALTER TABLE jobs ADD COLUMN cache TEXT;                 -- JSON: how it uses the cache; NULL: not at all
ALTER TABLE jobs ADD COLUMN cache_key TEXT;             -- SHA-256 of all that changes its answer
ALTER TABLE jobs ADD COLUMN follows TEXT;               -- the equal job whose end it waits for, or has shared
ALTER TABLE jobs ADD COLUMN cached INTEGER;             -- 1: it has its answer without a call; 2: and that was past its time
ALTER TABLE jobs ADD COLUMN saved TEXT;                 -- JSON: the usage of the call that it did without

CREATE INDEX jobs_following ON jobs (project_id, follows) WHERE follows IS NOT NULL;

-- For the objects that answers share: they go when nobody names them.
CREATE INDEX jobs_by_cached_output ON jobs (output_key) WHERE cache_key IS NOT NULL AND output_key IS NOT NULL;

-- Followers are in nobody's line.
DROP INDEX jobs_in_line;
CREATE INDEX jobs_in_line ON jobs (pool, project_id, lane, priority DESC, run_at)
WHERE pool IS NOT NULL AND wake_at IS NOT NULL AND follows IS NULL;

CREATE TABLE cache_entries (
  project_id TEXT NOT NULL,
  key TEXT NOT NULL,
  job_id TEXT,                    -- the leader: the open job that is making the answer; NULL: nobody
  scope TEXT,
  tags TEXT,                      -- JSON list
  created_at INTEGER,             -- of the answer, as all that follows; NULL: there is none yet
  expires_at INTEGER,
  drop_at INTEGER,                -- until then it may be given past its time
  model TEXT,
  usage TEXT,
  output_bytes INTEGER,
  output_key TEXT,
  output TEXT,
  PRIMARY KEY (project_id, key)
) WITHOUT ROWID;

CREATE INDEX cache_entries_to_drop ON cache_entries (drop_at) WHERE drop_at IS NOT NULL;
CREATE INDEX cache_entries_by_scope ON cache_entries (project_id, scope) WHERE scope IS NOT NULL;

CREATE TABLE cache_tags (
  project_id TEXT NOT NULL,
  tag TEXT NOT NULL,
  key TEXT NOT NULL,
  PRIMARY KEY (project_id, tag, key)
) WITHOUT ROWID;

CREATE TRIGGER cache_tagged AFTER INSERT ON cache_entries WHEN NEW.tags IS NOT NULL
BEGIN
  INSERT INTO cache_tags SELECT NEW.project_id, value, NEW.key FROM json_each(NEW.tags) WHERE true ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER cache_tagged_anew AFTER UPDATE OF tags ON cache_entries WHEN NEW.tags IS NOT OLD.tags
BEGIN
  DELETE FROM cache_tags WHERE project_id = OLD.project_id AND key = OLD.key
    AND tag IN (SELECT value FROM json_each(COALESCE(OLD.tags, '[]')));
  INSERT INTO cache_tags SELECT NEW.project_id, value, NEW.key FROM json_each(COALESCE(NEW.tags, '[]')) WHERE true
    ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER cache_untagged AFTER DELETE ON cache_entries WHEN OLD.tags IS NOT NULL
BEGIN
  DELETE FROM cache_tags WHERE project_id = OLD.project_id AND key = OLD.key
    AND tag IN (SELECT value FROM json_each(OLD.tags));
END;

-- What was not asked again, in the lines of usage that the calls would have been in.
ALTER TABLE usage_days ADD COLUMN cache_hits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_days ADD COLUMN saved_input_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_days ADD COLUMN saved_output_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_days ADD COLUMN saved_nano_usd INTEGER NOT NULL DEFAULT 0;

-- As it was, with its columns named: there are more of them now.
DROP TRIGGER ledger_adds_up;
CREATE TRIGGER ledger_adds_up AFTER INSERT ON ledger
BEGIN
  INSERT INTO usage_days (project_id, day, tag, task, model, key_id, runs, input_tokens, output_tokens, cached_tokens,
    reasoning_tokens, cost_nano_usd, unpriced_runs, estimated_runs)
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

CREATE TRIGGER cache_hit_counted AFTER INSERT ON jobs WHEN NEW.cached IS NOT NULL
BEGIN
  INSERT INTO usage_days (project_id, day, tag, task, model, key_id, runs, input_tokens, output_tokens, cached_tokens,
    reasoning_tokens, cost_nano_usd, unpriced_runs, estimated_runs,
    cache_hits, saved_input_tokens, saved_output_tokens, saved_nano_usd)
    SELECT NEW.project_id, strftime('%Y-%m-%d', NEW.finished_at / 1000, 'unixepoch'), t.tag, NEW.task, COALESCE(NEW.model, ''),
      COALESCE(NEW.key_id, ''), 0, 0, 0, 0, 0, 0, 0, 0, 1, COALESCE(NEW.saved->>'input_tokens', 0),
      COALESCE(NEW.saved->>'output_tokens', 0), CAST(ROUND(COALESCE(NEW.saved->>'cost_usd', 0) * 1e9) AS INTEGER)
    FROM (SELECT '' AS tag UNION SELECT value FROM json_each(COALESCE(NEW.tags, '[]'))) AS t
    WHERE true
    ON CONFLICT DO UPDATE SET cache_hits = cache_hits + 1, saved_input_tokens = saved_input_tokens + excluded.saved_input_tokens,
      saved_output_tokens = saved_output_tokens + excluded.saved_output_tokens,
      saved_nano_usd = saved_nano_usd + excluded.saved_nano_usd;
END;

-- complete: the answer is kept, and those that have waited for it have it too. One call, one sum.
CREATE TRIGGER answer_shared AFTER UPDATE OF state ON jobs
WHEN NEW.cache_key IS NOT NULL AND NEW.state = 'completed' AND OLD.state = 'running'
BEGIN
  INSERT INTO cache_entries (project_id, key, scope, tags, created_at, expires_at, drop_at, model, usage, output_bytes,
    output_key, output)
  VALUES (NEW.project_id, NEW.cache_key, NEW.cache->>'scope', NULLIF(NEW.cache->'tags', '[]'), NEW.finished_at,
    NEW.finished_at + (NEW.cache->>'ttl_ms'), NEW.finished_at + (NEW.cache->>'ttl_ms') + (NEW.cache->>'stale_ms'), NEW.model,
    NEW.usage, NEW.output_bytes, NEW.output_key, NEW.output)
  ON CONFLICT DO UPDATE SET job_id = NULLIF(job_id, NEW.id), tags = excluded.tags, created_at = excluded.created_at,
    expires_at = excluded.expires_at, drop_at = excluded.drop_at, model = excluded.model, usage = excluded.usage,
    output_bytes = excluded.output_bytes, output_key = excluded.output_key, output = excluded.output;
  INSERT INTO usage_days (project_id, day, tag, task, model, key_id, runs, input_tokens, output_tokens, cached_tokens,
    reasoning_tokens, cost_nano_usd, unpriced_runs, estimated_runs,
    cache_hits, saved_input_tokens, saved_output_tokens, saved_nano_usd)
    SELECT NEW.project_id, strftime('%Y-%m-%d', NEW.finished_at / 1000, 'unixepoch'), tag, NEW.task, COALESCE(NEW.model, ''),
      key_id, 0, 0, 0, 0, 0, 0, 0, 0, COUNT(*), COUNT(*) * COALESCE(NEW.usage->>'input_tokens', 0),
      COUNT(*) * COALESCE(NEW.usage->>'output_tokens', 0),
      COUNT(*) * CAST(ROUND(COALESCE(NEW.usage->>'cost_usd', 0) * 1e9) AS INTEGER)
    FROM (
      SELECT '' AS tag, COALESCE(key_id, '') AS key_id FROM jobs
        WHERE project_id = NEW.project_id AND follows = NEW.id AND state = 'waiting'
      UNION ALL
      SELECT t.value, COALESCE(key_id, '') FROM jobs, json_each(COALESCE(jobs.tags, '[]')) AS t
        WHERE project_id = NEW.project_id AND follows = NEW.id AND state = 'waiting')
    GROUP BY tag, key_id HAVING COUNT(*) > 0
    ON CONFLICT DO UPDATE SET cache_hits = cache_hits + excluded.cache_hits,
      saved_input_tokens = saved_input_tokens + excluded.saved_input_tokens,
      saved_output_tokens = saved_output_tokens + excluded.saved_output_tokens,
      saved_nano_usd = saved_nano_usd + excluded.saved_nano_usd;
  UPDATE jobs SET state = 'completed', cached = 1, saved = NEW.usage, model = NEW.model, output = NEW.output,
    output_bytes = NEW.output_bytes, output_key = NEW.output_key, version = version + 1, finished_at = NEW.finished_at,
    wake_at = NULL, erase_at = COALESCE(erase_at, NEW.finished_at + retention_ms)
  WHERE project_id = NEW.project_id AND follows = NEW.id AND state = 'waiting';
END;

-- A leader that ends without an answer, whoever ends it. What it failed of concerns its followers too, unless it is a matter
-- of that job alone: then the oldest of them leads the others from now on. A budget that refuses one refuses all that pay from
-- the same and do not wait for it; one by one that would be a row for each pair of them.
CREATE TRIGGER leader_lost AFTER UPDATE OF state ON jobs
WHEN NEW.cache_key IS NOT NULL AND NEW.state IN ('failed', 'cancelled')
  AND OLD.state NOT IN ('completed', 'failed', 'cancelled')
BEGIN
  UPDATE jobs SET state = 'failed', error = NEW.error, fingerprint = NEW.fingerprint, version = version + 1,
    finished_at = NEW.finished_at, wake_at = NULL, erase_at = COALESCE(erase_at, NEW.finished_at + retention_ms)
  WHERE project_id = NEW.project_id AND follows = NEW.id AND state = 'waiting' AND NEW.state = 'failed'
    AND (NEW.error->>'code' NOT IN ('timeout', 'crashed', 'expired', 'budget_exceeded', 'children_exceeded')
      OR (NEW.error->>'code' = 'budget_exceeded' AND on_budget = 'fail' AND key_id IS NEW.key_id));
  UPDATE cache_entries SET job_id = (SELECT MIN(id) FROM jobs
    WHERE project_id = NEW.project_id AND follows = NEW.id AND state = 'waiting')
  WHERE project_id = NEW.project_id AND key = NEW.cache_key AND job_id = NEW.id;
  DELETE FROM cache_entries
  WHERE project_id = NEW.project_id AND key = NEW.cache_key AND job_id IS NULL AND created_at IS NULL;
  UPDATE jobs SET
    follows = (SELECT job_id FROM cache_entries WHERE project_id = NEW.project_id AND key = NEW.cache_key)
  WHERE project_id = NEW.project_id AND follows = NEW.id AND state = 'waiting';
  UPDATE jobs SET state = 'pending', reason = 'queued', follows = NULL, version = version + 1,
    run_at = CAST(unixepoch('subsec') * 1000 AS INTEGER), wake_at = CAST(unixepoch('subsec') * 1000 AS INTEGER)
  WHERE project_id = NEW.project_id AND follows = id
    AND id = (SELECT job_id FROM cache_entries WHERE project_id = NEW.project_id AND key = NEW.cache_key);
END;

-- A leader that makes children must not wait for one that waits for it: those below it go their own way.
CREATE TRIGGER deeper_followers_released AFTER UPDATE OF children_total ON jobs
WHEN NEW.cache_key IS NOT NULL AND OLD.children_total = 0 AND NEW.children_total > 0
BEGIN
  UPDATE jobs SET state = 'pending', reason = 'queued', follows = NULL, version = version + 1,
    run_at = CAST(unixepoch('subsec') * 1000 AS INTEGER), wake_at = CAST(unixepoch('subsec') * 1000 AS INTEGER)
  WHERE project_id = NEW.project_id AND follows = NEW.id AND state = 'waiting'
    AND COALESCE(depth, 0) > COALESCE(NEW.depth, 0);
END;
