// A pause as the code sees it, and what it covers.

export const PAUSE_SCOPES = ["project", "task", "pool"] as const;
export type PauseScope = (typeof PAUSE_SCOPES)[number];

/** What runs goes on, nothing new starts. */
export type Pause = {
  id: string;
  /** Null: of the whole deployment. */
  projectId: string | null;
  scope: PauseScope;
  /** Of the task or pool; '' for a project. */
  name: string;
  createdAt: number;
};

/** Running jobs that are alike for every pause. */
export type RunningJobs = { projectId: string; task: string; pool: string | null; count: number };

export function covers(pause: Pause, jobs: Omit<RunningJobs, "count">): boolean {
  if (pause.projectId !== null && pause.projectId !== jobs.projectId) return false;
  return pause.scope === "project" || pause.name === jobs[pause.scope];
}
