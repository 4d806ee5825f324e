// The open post: watched while it is written, and then the person's own.

import type { GenerateOutput, Job } from "errand";
import { useErrand, useJob, useJobStream } from "errand/react";
import { useState } from "react";
import { Page } from "./page.tsx";
import { Prose } from "./prose.tsx";
import { topicOf } from "./request.ts";
import { Status } from "./status.tsx";
import { TryAgain } from "./try-again.tsx";
import { tellState } from "./words.ts";

export function Post({ id }: { id: string }) {
  const { job, error } = useJob<GenerateOutput>(id);
  const stream = useJobStream(id);
  if (!job) return <p className={error ? "problem" : "hint"}>{error ? error.message : "Opening …"}</p>;
  const text = job.output?.text ?? stream.text;
  // The news that it is done may be faster than its last words.
  const isWhole = job.finished_at !== null && (job.output !== null || !stream.isStreaming);
  const isReadable = isWhole && text !== "" && job.state !== "failed";
  return (
    <section className="post" aria-label={topicOf(job)}>
      {isReadable ? <Page job={job} written={text} /> : <Writing job={job} text={text} />}
    </section>
  );
}

/** As long as it is not there, and if it never will be. */
function Writing({ job, text }: { job: Job; text: string }) {
  const isOver = job.finished_at !== null;
  return (
    <>
      <div className="bar">
        <Status className={job.state}>{tellState(job, text)}</Status>
        {!isOver && <Stop job={job} />}
        {isOver && job.state !== "completed" && <TryAgain job={job} />}
      </div>
      {isOver && job.error && <p className="problem">{job.error.message}</p>}
      <Prose text={text} isGrowing={!isOver} />
    </>
  );
}

function Stop({ job }: { job: Job }) {
  const errand = useErrand();
  const [isAsked, setIsAsked] = useState(false);
  const [problem, setProblem] = useState("");

  async function stop() {
    setIsAsked(true);
    setProblem("");
    try {
      await errand.jobs.cancel(job.id);
    } catch (error) {
      setIsAsked(false);
      setProblem((error as Error).message);
    }
  }

  return (
    <>
      <button type="button" disabled={isAsked} onClick={stop}>
        Stop
      </button>
      {problem && <p className="problem">{problem}</p>}
    </>
  );
}
