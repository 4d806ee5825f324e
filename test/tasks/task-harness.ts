// Runs a task as the engine would, with the sandbox as its provider.

import type { ToolCall } from "../../src/core/tool-call";
import type { Usage } from "../../src/core/usage";
import type { LlmDeps } from "../../src/llm/create-llm";
import type { Task } from "../../src/tasks/define";
import { withProvider } from "../llm/fake-provider";

export type Ran = {
  output: unknown;
  streamed: string;
  /** Reasoning and calls that were streamed. */
  reasoned: string;
  called: ToolCall[];
  usages: Usage[];
  progress: [number, number | undefined][];
  /** The bodies of the calls, if `answer` was given. */
  sent: unknown[];
  /** What it wants to go on with, in another turn. */
  again: { state: unknown; delayMs: number } | null;
};

type Turn = {
  attempt?: number;
  state?: unknown;
  beforeCall?: LlmDeps["beforeCall"];
  /** Of a provider that is not the sandbox: `acme/chat`. */
  answer?: (call: number) => Response;
};

const NO_NETWORK = () => Promise.reject(new Error("no network here"));

const noFiles = () => Promise.reject(new Error("no files here"));

const NO_CHILDREN = { total: 0, completed: 0, failed: 0, cancelled: 0, async *ended() {} };

export async function runTask<Input, Output>(
  task: Task<Input, Output>,
  model: string,
  input: unknown,
  { attempt = 1, state = null, beforeCall = () => Promise.resolve(), answer }: Turn = {},
): Promise<Ran> {
  const ran: Ran = {
    output: null,
    streamed: "",
    reasoned: "",
    called: [],
    usages: [],
    progress: [],
    sent: [],
    again: null,
  };
  const { llm, usages, sent } = withProvider(answer ?? NO_NETWORK, {
    job: { id: "job_1", attempt },
    beforeCall,
  });
  ran.usages = usages;
  const outcome = await task.run(task.input.parse(input), {
    llm,
    model,
    progress: (done, total) => ran.progress.push([done, total]),
    stream: {
      write: (text) => {
        ran.streamed += text;
      },
      reasoning: (text) => {
        ran.reasoned += text;
      },
      toolCall: (piece) => ran.called.push(piece),
    },
    signal: new AbortController().signal,
    attempt,
    state,
    children: NO_CHILDREN,
    files: { describe: noFiles, read: noFiles },
    write: noFiles,
    readBack: noFiles,
    fetchPublic: () => Promise.reject(new Error("no internet here")),
    contextTokens: () => null,
    metadata: null,
    log: () => undefined,
  });
  ran.sent = sent.map(({ body }) => body);
  if (outcome.kind === "done") ran.output = task.output.parse(outcome.output);
  else if (outcome.kind === "again") ran.again = { state: outcome.state, delayMs: outcome.delayMs };
  return ran;
}

/** Where the input is wrong: `path: message`, sorted. */
export function inputProblems(task: Task, input: unknown): string[] {
  const parsed = task.input.safeParse(input);
  return (parsed.error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`).sort();
}
