// `errand.generate()`: a job that is submitted and read over one connection.

import { Deferred } from "./deferred.ts";
import type { Http } from "./http.ts";
import { JobStream, openJobStream, type StreamSource } from "./job-stream.ts";
import { type SubmitOptions, toSubmitBody } from "./submit-options.ts";
import type { GenerateInput, GenerateOutput } from "./task-types.ts";
import type { GenerateBody, Job } from "./wire.ts";

/** The job begins at once, before all that nobody waits for. The signal hangs up, and the job goes on. */
export type GenerateOptions = Omit<SubmitOptions, "lane" | "runAt" | "delayS" | "stream">;

/** What the job says, from its first word to its end, and the job itself. */
export class GenerateStream extends JobStream {
  /** As it was submitted. Rejected if that has failed, or if the stream was left before it was known. */
  readonly job: Promise<Job<GenerateOutput>>;

  constructor(http: Http, input: GenerateInput, options: GenerateOptions) {
    const { idempotencyKey = crypto.randomUUID(), signal, ...said } = options;
    const { task: _, ...body } = toSubmitBody("generate", input, said);
    const submission = new Submission(http, body, idempotencyKey);
    super(http, submission, { signal });
    this.job = submission.job.promise;
    this.text().catch(submission.job.reject);
  }
}

/** Submits until the job is known, and then only reads. */
class Submission implements StreamSource {
  readonly job = new Deferred<Job<GenerateOutput>>();
  private id: string | null = null;

  constructor(
    private readonly http: Http,
    private readonly body: GenerateBody,
    private readonly idempotencyKey: string,
  ) {}

  open(offset: string, signal: AbortSignal): Promise<Response> {
    const { http, body, idempotencyKey, id } = this;
    if (id !== null) return openJobStream(http, id, offset, signal);
    // The same key again is answered with the same job, and its stream from the start.
    return http.open({ method: "POST", path: "/v1/generate", body, idempotencyKey, signal });
  }

  hearJob(job: Job): void {
    this.id = job.id;
    this.job.resolve(job as Job<GenerateOutput>);
  }
}
