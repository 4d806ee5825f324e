// What `import … from "errand"` gives.

export type { Fetch } from "./attempt.ts";
export type { Batches, BatchListOptions, BatchOptions } from "./batches.ts";
export type { GetToken } from "./credential.ts";
export { Errand, type ErrandOptions } from "./errand.ts";
export type { ClientErrorCode, ErrorCode } from "./error-codes.ts";
export {
  AuthenticationError,
  ConflictError,
  ConnectionError,
  ErrandError,
  InvalidRequestError,
  JobCancelledError,
  JobFailedError,
  NotFoundError,
  PermissionError,
  RateLimitError,
  ServerError,
  TimeoutError,
} from "./errors.ts";
export type { Events } from "./events.ts";
export type { DownloadOptions, FileContent, FileListOptions, Files, UploadOptions } from "./files.ts";
export type { GenerateOptions, GenerateStream } from "./generate-stream.ts";
export type { JobFilter, JobList, JobPage } from "./job-pages.ts";
export type { JobStream, StreamOptions, StreamPart } from "./job-stream.ts";
export type { Jobs, RunOptions } from "./jobs.ts";
export type { Subject } from "./line.ts";
export type { Operations } from "./operations.ts";
export type { FinishedJob } from "./run.ts";
export type { Cache, KeyOptions, Keys, Pools, Tokens, UsageQuery, Usages } from "./service.ts";
export type { BulkJob, CallOptions, JobOptions, RepeatOptions, SubmitOptions } from "./submit-options.ts";
export type { Subscription, SubscriptionOptions } from "./subscription.ts";
// All of it: `declare module "errand"` reaches an interface only through `export *`.
export type * from "./task-types.ts";
export type { TaskList } from "./tasks.ts";
export type * from "./text-task-types.ts";
export type * from "./wire.ts";
export type * from "./wire-batches.ts";
export type * from "./wire-files.ts";
export type * from "./wire-frames.ts";
export type * from "./wire-lists.ts";
export type * from "./wire-service.ts";
export type * from "./wire-stream.ts";
