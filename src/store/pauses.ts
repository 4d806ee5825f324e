// Pauses: what may not be started for now. Of a project, of a task (in one project or in all), of a pool.

/** Of a row of `jobs`: nothing that it belongs to is paused. A job without a gate is in the pool of its model. */
export const NOT_PAUSED = `NOT EXISTS (SELECT 1 FROM pauses WHERE (project_id = jobs.project_id AND scope = 'project')
  OR (project_id IN ('', jobs.project_id) AND scope = 'task' AND name = jobs.task)
  OR (project_id = '' AND scope = 'pool' AND name = COALESCE(jobs.pool, jobs.model)))`;
