-- Jobs that wait for others: a parent's children, and what the parent knows of them.

ALTER TABLE jobs ADD COLUMN parent_id TEXT;             -- whose child it is; NULL: nobody's
ALTER TABLE jobs ADD COLUMN depth INTEGER;              -- how many parents are above it; NULL: none
ALTER TABLE jobs ADD COLUMN custom_id TEXT;             -- what its parent, or whoever made the batch, calls it
ALTER TABLE jobs ADD COLUMN on_child_failure TEXT;      -- 'fail', 'ignore', 'continue': it has waited for its children
ALTER TABLE jobs ADD COLUMN redo INTEGER;               -- 1: its next run starts those again that did not complete
ALTER TABLE jobs ADD COLUMN children_total INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN children_completed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN children_failed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN children_cancelled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN children_input_tokens INTEGER NOT NULL DEFAULT 0;    -- of those that have ended
ALTER TABLE jobs ADD COLUMN children_output_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN children_nano_usd INTEGER NOT NULL DEFAULT 0;

-- Whoever ends a child, or starts one over, counts it in the same transaction. Children have no index: their ids lie side by
-- side (core/children.ts).
CREATE TRIGGER child_counted AFTER UPDATE OF state ON jobs
WHEN NEW.parent_id IS NOT NULL
  AND (NEW.state IN ('completed', 'failed', 'cancelled')) <> (OLD.state IN ('completed', 'failed', 'cancelled'))
BEGIN
  UPDATE jobs SET
    children_completed = children_completed + (NEW.state = 'completed') - (OLD.state = 'completed'),
    children_failed = children_failed + (NEW.state = 'failed') - (OLD.state = 'failed'),
    children_cancelled = children_cancelled + (NEW.state = 'cancelled') - (OLD.state = 'cancelled'),
    children_input_tokens = children_input_tokens + CAST(COALESCE(NEW.usage->>'input_tokens', 0) AS INTEGER)
      * CASE WHEN NEW.state IN ('completed', 'failed', 'cancelled') THEN 1 ELSE -1 END,
    children_output_tokens = children_output_tokens + CAST(COALESCE(NEW.usage->>'output_tokens', 0) AS INTEGER)
      * CASE WHEN NEW.state IN ('completed', 'failed', 'cancelled') THEN 1 ELSE -1 END,
    children_nano_usd = children_nano_usd + CAST(ROUND(COALESCE(NEW.usage->>'cost_usd', 0) * 1e9) AS INTEGER)
      * CASE WHEN NEW.state IN ('completed', 'failed', 'cancelled') THEN 1 ELSE -1 END
  WHERE project_id = NEW.project_id AND id = NEW.parent_id;
END;

-- One that has ended before it began: it never could be a job.
CREATE TRIGGER ended_child_counted AFTER INSERT ON jobs
WHEN NEW.parent_id IS NOT NULL AND NEW.state IN ('completed', 'failed', 'cancelled')
BEGIN
  UPDATE jobs SET
    children_completed = children_completed + (NEW.state = 'completed'),
    children_failed = children_failed + (NEW.state = 'failed'),
    children_cancelled = children_cancelled + (NEW.state = 'cancelled')
  WHERE project_id = NEW.project_id AND id = NEW.parent_id;
END;

-- resume: the last child wakes its parent in its own transaction; one that failed does, if the parent wants to know.
CREATE TRIGGER parent_resumed AFTER UPDATE OF children_failed ON jobs
WHEN NEW.state = 'waiting' AND (
  NEW.children_completed + NEW.children_failed + NEW.children_cancelled >= NEW.children_total
  OR (NEW.on_child_failure IN ('fail', 'continue')
    AND NEW.children_failed + NEW.children_cancelled > OLD.children_failed + OLD.children_cancelled))
BEGIN
  UPDATE jobs SET state = 'pending', reason = 'queued', version = version + 1,
    run_at = CAST(unixepoch('subsec') * 1000 AS INTEGER), wake_at = CAST(unixepoch('subsec') * 1000 AS INTEGER)
  WHERE project_id = NEW.project_id AND id = NEW.id;
END;

-- What a parent leaves open when it ends is cancelled, slice by slice, and what it leaves behind when it goes, goes too:
-- operations like those that people ask for.
CREATE TRIGGER children_left_open AFTER UPDATE OF state ON jobs
WHEN NEW.state IN ('completed', 'failed', 'cancelled') AND OLD.state NOT IN ('completed', 'failed', 'cancelled')
  AND NEW.children_completed + NEW.children_failed + NEW.children_cancelled < NEW.children_total
BEGIN
  INSERT INTO operations (project_id, id, action, target, filter, changed, created_at, wake_at)
  VALUES (NEW.project_id, 'op_' || substr(NEW.id, 5) || '_cancel', 'cancel', NEW.project_id,
    json_object('parent', NEW.id, 'state', 'open'), 0, CAST(unixepoch('subsec') * 1000 AS INTEGER),
    CAST(unixepoch('subsec') * 1000 AS INTEGER))
  ON CONFLICT DO UPDATE SET position = NULL, finished_at = NULL, wake_at = excluded.wake_at;
END;

CREATE TRIGGER children_erased AFTER UPDATE OF erase_at ON jobs
WHEN NEW.children_total > 0 AND NEW.erase_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER)
BEGIN
  INSERT INTO operations (project_id, id, action, target, filter, changed, created_at, wake_at)
  VALUES (NEW.project_id, 'op_' || substr(NEW.id, 5) || '_erase', 'erase', NEW.project_id,
    json_object('parent', NEW.id), 0, CAST(unixepoch('subsec') * 1000 AS INTEGER),
    CAST(unixepoch('subsec') * 1000 AS INTEGER))
  ON CONFLICT DO UPDATE SET position = NULL, finished_at = NULL, wake_at = excluded.wake_at;
END;

CREATE TRIGGER children_orphaned AFTER DELETE ON jobs
WHEN OLD.children_total > 0
BEGIN
  INSERT INTO operations (project_id, id, action, target, filter, changed, created_at, wake_at)
  VALUES (OLD.project_id, 'op_' || substr(OLD.id, 5) || '_erase', 'erase', OLD.project_id,
    json_object('parent', OLD.id), 0, CAST(unixepoch('subsec') * 1000 AS INTEGER),
    CAST(unixepoch('subsec') * 1000 AS INTEGER))
  ON CONFLICT DO UPDATE SET position = NULL, finished_at = NULL, wake_at = excluded.wake_at;
END;
