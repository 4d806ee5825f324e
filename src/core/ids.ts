// The form of ids: a prefix that says what it is, and a time-ordered ULID.

const ULID = "[0-9A-HJKMNP-TV-Z]{26}";
const JOB_ID = new RegExp(`^job_${ULID}$`);
const FILE_ID = new RegExp(`^file_${ULID}$`);

export function isJobId(text: string): boolean {
  return JOB_ID.test(text);
}

export function isFileId(text: string): boolean {
  return FILE_ID.test(text);
}

/** Ids of one prefix sort by the time they were made. */
export type NewId = (prefix: "job" | "key" | "tok" | "clm" | "req" | "op" | "pau" | "file") => string;

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** The lowest id that a job made at this instant can have: ids begin with their time, so they sort by it. */
export function jobIdAt(ms: number): string {
  let time = "";
  for (let left = Math.max(0, Math.floor(ms)), i = 0; i < 10; i++, left = Math.floor(left / 32)) {
    time = CROCKFORD[left % 32] + time;
  }
  return `job_${time}${"0".repeat(16)}`;
}
