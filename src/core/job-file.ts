// Of what type the files are that a job has written.

const TYPES: Record<string, string> = {
  jsonl: "application/jsonl",
  json: "application/json",
  csv: "text/csv; charset=utf-8",
  txt: "text/plain; charset=utf-8",
  md: "text/markdown; charset=utf-8",
};

/** By the end of its name. */
export function fileTypeOf(name: string): string {
  return TYPES[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream";
}
