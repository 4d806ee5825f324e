// The form of ids: a prefix that says what it is, and a time-ordered ULID.

const ULID = "[0-9A-HJKMNP-TV-Z]{26}";
const JOB_ID = new RegExp(`^job_${ULID}$`);

export function isJobId(text: string): boolean {
  return JOB_ID.test(text);
}

/** Ids of one prefix sort by the time they were made. */
export type NewId = (prefix: "job" | "key" | "tok" | "clm" | "req") => string;
