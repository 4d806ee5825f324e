// What a task can reach beside its input and its models: files, the public internet, and what the settings say of a model.

import type { WholeJob } from "../core/job";
import { fetchPublic } from "../net/public-fetch";
import type { TaskContext } from "../tasks/define";
import { readFiles, readJobFile, writeJobFile } from "./job-files";
import type { RunDeps } from "./run";

/** For the whole of a fetch; the attempt has more. */
const FETCH_MS = 60_000;

export function reachOf(
  deps: RunDeps,
  job: WholeJob,
  signal: AbortSignal,
): Pick<TaskContext, "files" | "write" | "readBack" | "fetchPublic" | "contextTokens"> {
  const { catalogue, localUrls } = deps.config;
  return {
    files: readFiles(deps, job.projectId),
    write: (name, lines) => writeJobFile(deps, job, name, lines),
    readBack: (file) => readJobFile(deps, job, file),
    fetchPublic: (url, wanted) =>
      fetchPublic(url, {
        ...wanted,
        fetch: deps.fetchUrl,
        allowLocal: localUrls,
        timeoutMs: FETCH_MS,
        signal,
      }),
    contextTokens(model) {
      const known = catalogue.resolveAll(model, "chat").map((one) => one.model.contextTokens);
      const told = known.filter((tokens) => tokens !== null);
      return told.length < known.length ? null : Math.min(...told);
    },
  };
}
