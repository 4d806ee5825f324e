// What `import … from "errand/react"` gives.
"use client";

export type { JobState, Progress } from "../wire.ts";
export { ErrandProvider, type ErrandProviderProps, useErrand } from "./provider.ts";
export { type JobView, useJob } from "./use-job.ts";
export { type StreamView, useJobStream } from "./use-job-stream.ts";
export { type JobsView, useJobs } from "./use-jobs.ts";
export { type Submitting, useSubmit } from "./use-submit.ts";
