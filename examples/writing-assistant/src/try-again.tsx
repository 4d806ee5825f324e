// Has a post that failed or was stopped written anew.

import type { Job } from "errand";
import { useSubmit } from "errand/react";
import { inputFor, optionsForAgain, topicOf } from "./request.ts";

/** A token may not retry a job, which is for keys: this asks for the same once more. */
export function TryAgain({ job }: { job: Job }) {
  const { submit, isSubmitting, error } = useSubmit("generate");

  async function tryAgain() {
    const next = await submit(inputFor(topicOf(job)), optionsForAgain(job));
    if (next) location.hash = next.id;
  }

  return (
    <>
      <button type="button" disabled={isSubmitting} onClick={tryAgain}>
        Try again
      </button>
      {error && <p className="problem">{error.message}</p>}
    </>
  );
}
