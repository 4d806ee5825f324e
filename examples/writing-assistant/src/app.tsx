// The screen: the posts of this person on one side, the open one or a new one on the other.

import type { Job } from "errand";
import { useJobs, useSubmit } from "errand/react";
import { type FormEvent, useState } from "react";
import { CHANNEL } from "./channel.ts";
import { useDraft } from "./drafts.ts";
import { useIsOnline, useOpenPost } from "./location.ts";
import { Post } from "./post.tsx";
import { inputFor, optionsFor, topicOf, withoutReplaced } from "./request.ts";
import { nameState } from "./words.ts";

export function App() {
  const open = useOpenPost();
  return (
    <div className="app" data-open={open !== ""}>
      <PostList open={open} />
      <main>
        {useIsOnline() || (
          <p className="banner" role="status">
            You are offline. Errand goes on writing, and you will miss nothing.
          </p>
        )}
        {open !== "" && (
          <a className="back" href="#posts">
            All posts
          </a>
        )}
        {open === "" ? <NewPost /> : <Post key={open} id={open} />}
      </main>
    </div>
  );
}

function PostList({ open }: { open: string }) {
  const { jobs, error, isLoading } = useJobs({ channel: CHANNEL });
  const posts = withoutReplaced(jobs);
  return (
    <nav aria-label="Posts">
      <header>
        <h1>Posts</h1>
        <a className="button" href="#posts" aria-current={open === "" ? "page" : undefined}>
          New post
        </a>
      </header>
      {error && <p className="problem">{error.message}</p>}
      {!isLoading && !error && posts.length === 0 && <p className="hint">Nothing written yet.</p>}
      <ul>
        {posts.map((job) => (
          <PostEntry key={job.id} job={job} isOpen={job.id === open} />
        ))}
      </ul>
    </nav>
  );
}

function PostEntry({ job, isOpen }: { job: Job; isOpen: boolean }) {
  const [draft] = useDraft(job.id);
  const state = nameState(job, Boolean(draft?.publishedAt));
  const day = new Date(job.created_at).toLocaleDateString(undefined, { day: "numeric", month: "short" });
  return (
    <li>
      <a href={`#${job.id}`} aria-current={isOpen ? "page" : undefined}>
        <span className="topic">{topicOf(job)}</span>
        <span className="hint">
          <span className={`state ${state}`}>{state}</span>
          <time dateTime={job.created_at}>{day}</time>
        </span>
      </a>
    </li>
  );
}

function NewPost() {
  const [topic, setTopic] = useState("");
  const { submit, isSubmitting, error } = useSubmit("generate");

  async function write(event: FormEvent) {
    event.preventDefault();
    const job = await submit(inputFor(topic.trim()), optionsFor(topic.trim()));
    if (job) location.hash = job.id;
  }

  return (
    <form className="new" onSubmit={write}>
      <label htmlFor="topic">What shall the post be about?</label>
      <input
        id="topic"
        value={topic}
        onChange={(event) => setTopic(event.target.value)}
        placeholder="a year of keeping bees on the roof"
        autoComplete="off"
        maxLength={200}
        required
      />
      <button type="submit" className="primary" disabled={isSubmitting || topic.trim() === ""}>
        Write it
      </button>
      <p className={error ? "problem" : "hint"} role={error ? "alert" : undefined}>
        {error ? error.message : "You may close the tab meanwhile. It will be here when you come back."}
      </p>
    </form>
  );
}
