// Lists of jobs: a page when awaited, all of them when iterated.

import type { Http } from "./http.ts";
import type { CallOptions } from "./submit-options.ts";
import type { Job, JobState } from "./wire.ts";
import type { Page } from "./wire-lists.ts";

export type JobFilter = {
  state?: JobState;
  task?: string;
  channel?: string;
  tag?: string;
  /** Jobs that failed for this cause: see `GET /v1/failures`. */
  fingerprint?: string;
  /** Those that this job has made and waits for. */
  parent?: string;
  /** Jobs a page: 1 to 100, default 20. */
  limit?: number;
  /** `nextCursor` of the page before. */
  cursor?: string;
};

/** Some jobs, newest first. It may be short, or empty, and still have more behind it: go by `hasMore`. */
export class JobPage implements AsyncIterable<Job> {
  readonly data: Job[];
  readonly hasMore: boolean;
  readonly nextCursor: string | null;

  constructor(
    page: Page<Job>,
    private readonly turn: (cursor: string) => Promise<JobPage>,
  ) {
    this.data = page.data;
    this.hasMore = page.has_more;
    this.nextCursor = page.next_cursor;
  }

  /** The jobs of this page, and of all that follow. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Job, void, undefined> {
    let page: JobPage = this;
    for (;;) {
      yield* page.data;
      if (!page.hasMore || page.nextCursor === null) return;
      page = await this.turn(page.nextCursor);
    }
  }
}

/** `await` it for the first page, or iterate over it for all jobs. */
export type JobList = Promise<JobPage> & AsyncIterable<Job>;

export function listJobs(http: Http, filter: JobFilter & CallOptions): JobList {
  const first = readPage(http, filter);
  return Object.assign(first, {
    async *[Symbol.asyncIterator]() {
      yield* await first;
    },
  });
}

async function readPage(http: Http, { signal, ...query }: JobFilter & CallOptions): Promise<JobPage> {
  const page = await http.json<Page<Job>>({ method: "GET", path: "/v1/jobs", query, signal });
  return new JobPage(page, (cursor) => readPage(http, { ...query, cursor, signal }));
}
