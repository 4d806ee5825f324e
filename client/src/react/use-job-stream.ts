// `useJobStream(id)`: what a model says, while it says it.

import type { Errand } from "../errand.ts";
import type { StreamPart } from "../job-stream.ts";
import type { ToolCall } from "../task-types.ts";
import { isFinal, type JobError, type JobState, type Progress } from "../wire.ts";
import { keep, recall } from "./kept-stream.ts";
import { type Kind, useWatched } from "./watches.ts";

/** About a frame of the screen: what comes in one go is shown in one go. */
const SHOW_EVERY_MS = 16;

const KEEP_EVERY_MS = 250;

export type StreamView = {
  text: string;
  /** What the model thinks before it speaks, if its provider tells. */
  reasoning: string;
  /** With as much of their arguments as has come. */
  toolCalls: ToolCall[];
  progress: Progress | null;
  /** Null until the stream tells. */
  state: JobState | null;
  /** Whether there may be more. */
  isStreaming: boolean;
  /** How the job has failed, or why its stream cannot be read. */
  error: JobError | Error | null;
};

const BEGUN: StreamView = {
  text: "",
  reasoning: "",
  toolCalls: [],
  progress: null,
  state: null,
  isStreaming: true,
  error: null,
};

const STREAM: Kind<StreamView> = {
  name: "stream",
  unknown: BEGUN,
  none: { ...BEGUN, isStreaming: false },
  watch: watchStream,
};

/**
 * Of a job with `stream: true`. Text and place are kept in `sessionStorage`, so that a component that comes back, and a
 * page that is loaded again, go on where they were. Null: no job, yet.
 */
export function useJobStream(id: string | null | undefined): StreamView {
  return useWatched(STREAM, id ?? null);
}

function viewAfter(view: StreamView, part: StreamPart): StreamView {
  switch (part.type) {
    case "text":
      return { ...goingOn(view), text: view.text + part.text };
    case "reasoning":
      return { ...goingOn(view), reasoning: view.reasoning + part.text };
    case "tool_call":
      return { ...goingOn(view), toolCalls: callsAfter(view.toolCalls, part) };
    case "reset": {
      const { text, reasoning, tool_calls: toolCalls } = part;
      return { ...goingOn(view), text, reasoning, toolCalls };
    }
    case "progress": {
      const { done, total, message } = part;
      return { ...goingOn(view), progress: { done, total, message } };
    }
    case "state":
      return { ...goingOn(view), state: part.state };
    case "end":
      return { ...view, state: part.state, error: part.error, isStreaming: false };
    default:
      // A newer server may have more to say.
      return view;
  }
}

function callsAfter(calls: ToolCall[], { id, name, arguments: piece }: ToolCall): ToolCall[] {
  const isKnown = calls.some((call) => call.id === id);
  if (!isKnown) return [...calls, { id, name, arguments: piece }];
  return calls.map((call) => (call.id === id ? { ...call, arguments: call.arguments + piece } : call));
}

function goingOn(view: StreamView): StreamView {
  return { ...view, state: "running", isStreaming: true, error: null };
}

function watchStream(errand: Errand, id: string, tell: (view: StreamView) => void): () => void {
  const kept = recall<StreamView>(id);
  // `BEGUN` first: an older version may have kept it, with less to tell.
  let view: StreamView = kept ? { ...BEGUN, ...kept.view, isStreaming: !isOver(kept.view) } : BEGUN;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let keptAt = Date.now();
  const stream = errand.jobs.stream(id, { offset: kept?.offset });

  function keepPlace(): void {
    keptAt = Date.now();
    if (stream.offset !== null) keep(id, { offset: stream.offset, view });
  }

  function show(): void {
    timer = null;
    if (Date.now() - keptAt >= KEEP_EVERY_MS || isOver(view)) keepPlace();
    tell(view);
  }

  async function follow(): Promise<void> {
    for await (const part of stream) {
      view = viewAfter(view, part);
      timer ??= setTimeout(show, SHOW_EVERY_MS);
    }
  }

  /** What it could not be read for is shown, and not kept: that may pass. */
  function fail(error: Error): void {
    if (timer !== null) clearTimeout(timer);
    tell({ ...view, isStreaming: false, error });
  }

  if (kept) tell(view);
  follow().catch(fail);

  return () => {
    if (timer !== null) clearTimeout(timer);
    keepPlace();
    stream.close();
  };
}

function isOver({ state }: StreamView): boolean {
  return state !== null && isFinal(state);
}
