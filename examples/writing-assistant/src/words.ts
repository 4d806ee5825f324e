// How it stands with a post, in plain words.

import type { Job, PendingReason } from "errand";

const WAITING: Record<PendingReason, string> = {
  queued: "Waiting for its turn",
  scheduled: "Starts later",
  retrying: "The model has failed and will be asked again",
  rate_limited: "The model is busy, it goes on by itself",
  fair_share: "Others are first, it goes on by itself",
  concurrency: "Others are first, it goes on by itself",
  budget: "The budget is used up, it goes on when there is room",
  paused: "Paused",
  provider_down: "The model is away, it goes on when it is back",
};

export function tellState(job: Job, text: string): string {
  switch (job.state) {
    case "pending":
    case "waiting":
      return WAITING[job.reason ?? "queued"];
    case "running":
      if (job.cancel_requested_at) return "Stopping";
      return text === "" ? "Thinking" : `Writing, ${countWords(text)}`;
    case "completed":
      return `Done, ${countWords(text)}`;
    case "cancelled":
      return text === "" ? "Stopped before the first word" : `Stopped after ${countWords(text)}`;
    case "failed":
      return "This did not work";
  }
}

/** One word for the list. */
export function nameState(job: Job, isPublished: boolean): string {
  if (isPublished) return "published";
  if (job.state === "completed") return "draft";
  if (job.state === "cancelled") return "stopped";
  return job.state === "failed" ? "failed" : job.state === "running" ? "writing" : "waiting";
}

function countWords(text: string): string {
  const count = text.match(/\S+/g)?.length ?? 0;
  return count === 1 ? "1 word" : `${count} words`;
}
