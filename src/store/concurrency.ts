// Concurrency keys: at most so many jobs of a project with the same key run at once. Counted from the jobs themselves, so
// that no slot can get lost.

/** Of a row of `jobs`: it has no key, or fewer run with that key than may. */
export const KEY_IS_FREE = `(concurrency_key IS NULL OR (SELECT COUNT(*) FROM jobs AS other INDEXED BY jobs_by_concurrency
  WHERE other.project_id = jobs.project_id AND other.concurrency_key = jobs.concurrency_key AND other.wake_at IS NOT NULL
    AND other.state = 'running') < concurrency_limit)`;
