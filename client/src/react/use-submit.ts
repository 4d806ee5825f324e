// `useSubmit(task)`: submits jobs from a component.

import { useCallback, useRef, useState } from "react";
import type { SubmitOptions } from "../submit-options.ts";
import type { AnyTask, InputOf, Known, OutputOf } from "../task-types.ts";
import type { Job } from "../wire.ts";
import { useErrand } from "./provider.ts";

export type Submitting<Input, Output> = {
  /**
   * Null: it has failed, and `error` says how. While the answer is awaited, the same again is not another job: neither a
   * double click makes two, nor an effect that runs twice.
   */
  submit: (input: Input, options?: SubmitOptions) => Promise<Job<Output> | null>;
  /** As it was submitted: `useJob(job?.id)` keeps it up to date. */
  job: Job<Output> | undefined;
  isSubmitting: boolean;
  error: Error | null;
  /** Forgets the job and the error. What was submitted goes on. */
  reset: () => void;
};

type Answer<Output> = { job: Job<Output> | undefined; isSubmitting: boolean; error: Error | null };

type UnderWay<Output> = { said: string; answer: Promise<Job<Output> | null> };

const IDLE = { job: undefined, isSubmitting: false, error: null };

export function useSubmit<N extends AnyTask>(task: Known<N>): Submitting<InputOf<N>, OutputOf<N>> {
  type Output = OutputOf<N>;
  const errand = useErrand();
  const [known, setKnown] = useState<Answer<Output>>(IDLE);
  const latest = useRef<UnderWay<Output> | null>(null);

  const submit = useCallback(
    (input: InputOf<N>, options: SubmitOptions = {}) => {
      const { signal: _, ...told } = options;
      const said = JSON.stringify([task, input, told]);
      if (latest.current?.said === said) return latest.current.answer;
      const finish = (end: Partial<Answer<Output>>) => {
        // Whoever has submitted something else since, or has reset, is not told of this.
        if (latest.current !== own) return;
        latest.current = null;
        setKnown({ ...IDLE, ...end });
      };
      // Options that are wrong are thrown at once, and are told like any other error.
      const send = async () => errand.jobs.submit<N>(task, input, options);
      const answer = send().then(
        (job) => {
          finish({ job });
          return job;
        },
        (error: Error) => {
          finish({ error });
          return null;
        },
      );
      const own = { said, answer };
      latest.current = own;
      setKnown({ ...IDLE, isSubmitting: true });
      return answer;
    },
    [errand, task],
  );

  const reset = useCallback(() => {
    latest.current = null;
    setKnown(IDLE);
  }, []);

  return { submit, ...known, reset };
}
