// The transport with which `useChat` of the AI SDK has its answers made by jobs.

import type { ChatTransport, UIMessage, UIMessageChunk } from "ai";
import type { Errand } from "../errand.ts";
import type { GenerateOptions } from "../generate-stream.ts";
import type { JobStream } from "../job-stream.ts";
import type { GenerateInput, GenerateOutput } from "../task-types.ts";
import { isFinal, type Job } from "../wire.ts";
import { toGenerateMessages } from "./chat-messages.ts";
import { toChunks } from "./message-chunks.ts";

const LONGEST_TAG = 64;

type Sending<M extends UIMessage> = Parameters<ChatTransport<M>["sendMessages"]>[0];

/** What `sendMessage()` was called with besides the message: `body` for instance. */
export type ChatRequest<M extends UIMessage = UIMessage> = Omit<Sending<M>, "messages" | "abortSignal">;

export type ErrandChatTransportOptions<M extends UIMessage = UIMessage> = {
  errand: Errand;
  /** What the model is given. Default: the text and images of all messages. */
  input?: (messages: M[], request: ChatRequest<M>) => GenerateInput | Promise<GenerateInput>;
  /** Of every job. */
  options?: Omit<GenerateOptions, "idempotencyKey" | "signal">;
};

/**
 * A job for each answer, tagged with the chat's id, so that every page that opens the chat finds the answer under way.
 * `stop()` cancels the job; whatever else ends the page or its connection does not.
 */
export class ErrandChatTransport<M extends UIMessage = UIMessage> implements ChatTransport<M> {
  /** A job's stream is told from its first word. */
  readonly resumeStreamIsReplay = true;
  private readonly errand: Errand;
  private readonly toInput: NonNullable<ErrandChatTransportOptions<M>["input"]>;
  private readonly options: GenerateOptions;
  /** How often each chat was reconnected. */
  private readonly reconnects = new Map<string, number>();

  constructor({ errand, input, options = {} }: ErrandChatTransportOptions<M>) {
    this.errand = errand;
    this.toInput = input ?? ((messages) => ({ messages: toGenerateMessages(messages) }));
    this.options = options;
  }

  async sendMessages(sending: Sending<M>): Promise<ReadableStream<UIMessageChunk>> {
    const { messages, abortSignal, ...request } = sending;
    const tags = [...(this.options.tags ?? []), tagOf(request.chatId)];
    const input = await this.toInput(messages, request);
    abortSignal?.throwIfAborted();
    const stream = this.errand.generate(input, { ...this.options, tags });
    this.cancelOnStop(request.chatId, stream, stream.job, abortSignal);
    const job = await orAborted(stream.job, abortSignal);
    // An answer that goes on with the last message, behind the result of a tool, keeps the message's id.
    const isNew = messages.at(-1)?.role !== "assistant";
    return this.toMessage(stream, job, isNew ? job.id : undefined);
  }

  async reconnectToStream({
    chatId,
    abortSignal,
  }: Parameters<ChatTransport<M>["reconnectToStream"]>[0]): Promise<ReadableStream<UIMessageChunk> | null> {
    this.reconnects.set(chatId, (this.reconnects.get(chatId) ?? 0) + 1);
    const job = await this.findNewest(chatId, abortSignal);
    abortSignal?.throwIfAborted();
    if (!job?.stream || isFinal(job.state) || job.cancel_requested_at !== null) return null;
    const stream = this.errand.jobs.stream(job.id);
    this.cancelOnStop(chatId, stream, Promise.resolve(job), abortSignal);
    return this.toMessage(stream, job, job.id);
  }

  private async findNewest(chatId: string, signal: AbortSignal | undefined): Promise<Job | null> {
    const filter = { tag: tagOf(chatId), task: "generate", limit: 1, signal };
    for await (const job of this.errand.jobs.list(filter)) return job;
    return null;
  }

  private cancelOnStop(
    chatId: string,
    stream: JobStream,
    job: Promise<Job>,
    signal: AbortSignal | undefined,
  ): void {
    const leave = async (cancels: boolean) => {
      try {
        const { id } = await job;
        stream.close();
        if (cancels) await this.errand.jobs.cancel(id);
      } catch {
        // The chat has turned away: nobody is there to be told.
      }
    };
    const stop = () => {
      const before = this.reconnects.get(chatId);
      // The SDK also aborts a response that it is about to resume, and reconnects in the same breath.
      queueMicrotask(() => void leave(this.reconnects.get(chatId) === before));
    };
    signal?.addEventListener("abort", stop, { once: true });
  }

  private toMessage(
    stream: JobStream,
    { id }: Job,
    messageId: string | undefined,
  ): ReadableStream<UIMessageChunk> {
    const readText = async () => (await this.errand.jobs.output<GenerateOutput>(id)).text;
    const chunks = toChunks(stream, { messageId, messageMetadata: { jobId: id } }, readText);
    return new ReadableStream({
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: () => stream.close(),
    });
  }
}

function tagOf(chatId: string): string {
  const tag = `chat:${chatId}`;
  if (tag.length <= LONGEST_TAG) return tag;
  const most = LONGEST_TAG - "chat:".length;
  throw new TypeError(
    `The id of the chat has ${chatId.length} characters. Give useChat one of at most ${most}.`,
  );
}

function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    promise.then(resolve, reject);
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
