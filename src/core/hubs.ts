// Which hub tells the news of a job.

/** Hubs that share the jobs without a channel. More hubs: more throughput, more objects awake. */
const JOB_HUBS = 16;

/** Every channel has a hub of its own; a job without one belongs to a hub by its id, or by that of its parent. */
export function hubName(projectId: string, channel: string | null, jobId: string): string {
  if (channel !== null) return `${projectId}/channel/${channel}`;
  let hash = 0;
  for (let i = 0; i < jobId.length; i++) hash = (hash * 31 + jobId.charCodeAt(i)) >>> 0;
  return `${projectId}/jobs/${hash % JOB_HUBS}`;
}
