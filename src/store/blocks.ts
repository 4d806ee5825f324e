// What forbids a due job's start.

import type { Job } from "../core/job";

export type Block = {
  projectId: string;
  id: string;
  by: "paused" | "concurrency" | "budget";
  message: string;
  limit: { name: string; limit: number; used: number } | null;
  etaMs: { earliest: number; latest: number } | null;
};

/** Nothing yet. */
export async function findBlocks(_db: D1Database, _jobs: Pick<Job, "projectId" | "id">[]): Promise<Block[]> {
  return [];
}
