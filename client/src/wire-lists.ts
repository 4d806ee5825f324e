// What else comes back over HTTP: lists, tasks and errors.

/** A whole list: nothing is left out. */
export type List<T> = { object: "list"; data: T[] };

/** A page of a longer list. It may hold fewer than were asked for, or none, and still have more behind it. */
export type Page<T> = List<T> & { has_more: boolean; next_cursor: string | null };

/** A task of the deployment, with the JSON Schemas of its input and output. */
export type Task = {
  name: string;
  object: "task";
  description: string;
  /** Used for jobs that do not say. */
  defaults: { max_attempts: number; timeout_s: number };
  input_schema: Record<string, unknown>;
  output_schema: Record<string, unknown>;
};

/** One thing that is wrong with a request: the path of the field, and in a bulk the index of the job. */
export type Problem = { index?: number; param: string; message: string };

/** The one envelope of everything that goes wrong. */
export type ErrorBody = {
  error: {
    message: string;
    type: string;
    code: string;
    param: string | null;
    errors?: Problem[];
    /** With 503 to a submit: jobs of which it is not known whether they were stored. */
    job_ids?: string[];
    request_id: string;
  };
};
