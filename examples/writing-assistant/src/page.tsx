// A finished post: read, edited and published.

import type { Job } from "errand";
import { useState } from "react";
import { type Draft, useDraft } from "./drafts.ts";
import { Prose } from "./prose.tsx";
import { Status } from "./status.tsx";
import { TryAgain } from "./try-again.tsx";
import { tellState } from "./words.ts";

/** `written`: by the model. It stands until the person has changed it. */
export function Page({ job, written }: { job: Job; written: string }) {
  const [draft, keep] = useDraft(job.id);
  const [isEditing, setIsEditing] = useState(false);
  const { text, publishedAt }: Draft = draft ?? { text: written, publishedAt: null };

  function publish() {
    keep({ text, publishedAt: new Date().toISOString() });
    setIsEditing(false);
  }

  return (
    <>
      <div className="bar">
        {publishedAt === null ? (
          <Status className={job.state}>{tellState(job, text)}</Status>
        ) : (
          <Status className="published">Published {tellDay(publishedAt)}</Status>
        )}
        {job.state === "cancelled" && draft === null && <TryAgain job={job} />}
        <button type="button" onClick={() => setIsEditing(!isEditing)}>
          {isEditing ? "Read" : "Edit"}
        </button>
        {publishedAt === null ? (
          <button type="button" className="primary" onClick={publish}>
            Publish
          </button>
        ) : (
          <button type="button" onClick={() => keep({ text, publishedAt: null })}>
            Unpublish
          </button>
        )}
      </div>
      {isEditing ? (
        <textarea
          aria-label="Text of the post"
          value={text}
          onChange={(event) => keep({ text: event.target.value, publishedAt })}
        />
      ) : (
        <Prose text={text} />
      )}
    </>
  );
}

function tellDay(at: string): string {
  return new Date(at).toLocaleDateString(undefined, { day: "numeric", month: "short" });
}
