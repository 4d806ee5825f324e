// What is asked of Errand for a post, and how to ask for it again.

import type { GenerateInput, Job, SubmitOptions } from "errand";

declare const ERRAND_MODEL: string;

export function inputFor(topic: string): GenerateInput {
  return {
    instructions:
      "You write blog posts: a title behind a #, then three short paragraphs. Plain words, no lists.",
    prompt: `Write a short blog post about ${topic}.`,
    model: ERRAND_MODEL,
  };
}

/** The topic goes along as metadata, because lists of jobs hold no inputs. */
export function optionsFor(topic: string): SubmitOptions {
  return { stream: true, metadata: { topic } };
}

/** The same again for a post that has failed, and only once: from whichever device, however often it is clicked. */
export function optionsForAgain(job: Job): SubmitOptions {
  const topic = topicOf(job);
  return { stream: true, metadata: { topic, instead_of: job.id }, idempotencyKey: `again-${job.id}` };
}

export function topicOf(job: Job): string {
  return String(job.metadata?.topic ?? "Untitled");
}

/** Without those that were tried again: the new one stands for them. */
export function withoutReplaced(jobs: readonly Job[]): Job[] {
  const replaced = new Set(jobs.map((job) => job.metadata?.instead_of));
  return jobs.filter((job) => !replaced.has(job.id));
}
