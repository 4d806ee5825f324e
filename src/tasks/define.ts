// What a task is: a name, an input, an output, and a function from one to the other.

import type { z } from "zod";
import type { PoolLimits } from "../core/gate/ticket";
import type { JobError } from "../core/job";
import type { Lane } from "../core/lifecycle";
import type { Outcome } from "../core/outcome";
import type { Said } from "../core/streams/said";
import type { ToolCall } from "../core/tool-call";
import type { Usage } from "../core/usage";
import type { Llm } from "../llm/llm";
import type { Fetched, FetchOptions } from "../net/public-fetch";

/** A child that has ended. `output` is JSON text. */
export type EndedChild = {
  id: string;
  /** Which of its parent's children it is, from 0. */
  index: number;
  customId: string | null;
  task: string;
  metadata: Record<string, unknown> | null;
  state: "completed" | "failed" | "cancelled";
  output: string | null;
  error: JobError | null;
  usage: Usage | null;
};

export type Children = {
  total: number;
  completed: number;
  failed: number;
  cancelled: number;
  /** Those that have ended, in the order in which they were made; of all states, or of these; from the first, or from this one. */
  ended(states?: EndedChild["state"][], from?: number): AsyncIterable<EndedChild>;
};

export type Files = {
  /** What is known of an uploaded file. Throws `file_missing`. */
  describe(id: string): Promise<{ name: string; contentType: string; sizeBytes: number }>;
  /** The bytes of an uploaded file from `from` up to `to`; fewer when it ends before. Throws `file_missing`. */
  read(id: string, from: number, to: number): Promise<Uint8Array>;
};

/** A file of the job's own: made by `write`, to be kept in the state for later turns. */
export type JobFile = { name: string; run: number; bytes: number };

export type TaskContext = {
  /** Calls models. Every call is counted into the job's usage. */
  llm: Llm;
  /** The model that was chosen when the job was submitted, as `provider/model`. */
  model: string;
  /** Tells listeners how far the work is. `total` may be left out when it is not known. */
  progress(done: number, total?: number, message?: string): void;
  /** For those who watch the job while it runs. A cancelled job keeps text and reasoning. */
  stream: {
    write(text: string): void;
    reasoning(text: string): void;
    /** A piece of a call's arguments, under the call's id and name. */
    toolCall(piece: ToolCall): void;
  };
  /** Aborts when the job is cancelled, runs out of time or was taken over. */
  signal: AbortSignal;
  /** 1 for the first try. */
  attempt: number;
  /** What an earlier turn of this job returned with `again(state)`; null on the first. */
  state: unknown;
  /** What the jobs have done that this one has made with `again` or `wait`. */
  children: Children;
  /** Files that were uploaded to the project. */
  files: Files;
  /**
   * Writes a file of the job's own, of any length, for `GET /v1/jobs/{id}/files/{name}`. Written again by another run, it is
   * that run's.
   */
  write(name: string, content: AsyncIterable<string | Uint8Array>): Promise<JobFile>;
  /** The text of a file that this run, or an earlier one of the job, has written. */
  readBack(file: JobFile): Promise<string>;
  /** What a URL in the input leads to, on the public internet only. Throws `url_not_allowed` or `url_unreachable`. */
  fetchPublic(url: string, wanted: Pick<FetchOptions, "maxBytes" | "accept">): Promise<Fetched>;
  /** The smallest context of the chat models that `input.model` stands for; null: the settings do not tell. */
  contextTokens(model: string | undefined): number | null;
  /** The job's own `metadata`, as submitted. */
  metadata: Record<string, unknown> | null;
  /** One JSON line. Numbers and names only: never a prompt or an output. */
  log(event: string, fields?: Record<string, string | number | boolean | null>): void;
};

export type Task<Input = unknown, Output = unknown> = {
  name: string;
  description: string;
  /** Which models it can use; null: it calls none. */
  kind: "chat" | "embedding" | null;
  /**
   * Of the models that the children of a task use which calls none itself: `input.model` is checked at submit as if it did,
   * and the job waits at no gate.
   */
  childKind?: "chat";
  input: z.ZodType<Input>;
  output: z.ZodType<Output>;
  /** The lane of jobs that do not say; default `default`. */
  lane?: Lane;
  /** How large its input may be; default 1 MB. */
  maxInputBytes?: number;
  /** How large a call for this input is: characters of text, and the limit of the answer. Default: the input's JSON. */
  size?(input: Input): { chars: number; maxOutputTokens: number | null };
  /** Whether what it gives for this input is in files of the job: then no other job can have it from the cache. */
  writesFiles?(input: Input): boolean;
  /** At most `limit` jobs with this key run at once, unless the job says otherwise. */
  concurrency?(input: Input): { key: string; limit: number } | null;
  /** What the task itself is limited to, whatever model it uses: it has a gate of its own then. */
  pool?: Partial<PoolLimits>;
  /** Used for jobs that do not say. `timeout_s` is per attempt, 780 at the most. */
  defaults: { max_attempts: number; timeout_s: number };
  run(input: Input, ctx: TaskContext): Promise<Outcome<Output>>;
  /** What a job that was cancelled half-way keeps as its output, made of what it has streamed so far. */
  partial?(said: Said, model: string): Output;
};

/** Checks nothing and changes nothing: it lets TypeScript infer the types of `run` from the two schemas. */
export function defineTask<Input, Output>(task: Task<Input, Output>): Task<Input, Output> {
  return task;
}
