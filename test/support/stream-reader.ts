// Reads the stream of a job as an app would: keeps what it shows, drops what is rolled back, and comes back with its offset.

import { Changes } from "./changes";
import { open } from "./http-client";

type ToolCall = { id: string; name: string; arguments: string };

type Message = {
  type: string;
  text?: string;
  state?: string;
  reasoning?: string;
  tool_calls?: ToolCall[];
} & Partial<ToolCall>;

/** What a page of the stream shows as the job's text, after what it showed before. */
export function shown(messages: Message[], before = ""): string {
  return messages.reduce((text, message) => {
    if (message.type === "rollback") return message.text ?? "";
    return message.type === "text" ? text + message.text : text;
  }, before);
}

/** The reasoning and the calls that these messages show, as the job's output has them. */
export function shownBeside(messages: Message[]): { reasoning?: string; tool_calls?: ToolCall[] } {
  const counted = messages.slice(messages.findLastIndex(({ type }) => type === "rollback") + 1);
  const { reasoning: before = "", tool_calls = [] } = messages[messages.length - counted.length - 1] ?? {};
  const calls = new Map(tool_calls.map((call) => [call.id, { ...call }]));
  let reasoning = before;
  for (const { type, text = "", id = "", name = "", arguments: piece = "" } of counted) {
    if (type === "reasoning") reasoning += text;
    if (type !== "tool_call") continue;
    calls.set(id, { id, name, arguments: (calls.get(id)?.arguments ?? "") + piece });
  }
  return { ...(reasoning && { reasoning }), ...(calls.size > 0 && { tool_calls: [...calls.values()] }) };
}

export type StreamReader = {
  readonly text: string;
  readonly messages: Message[];
  /** Resolves when the text shown is this. */
  untilText(wanted: string): Promise<unknown>;
  /** Resolves when there is any text. */
  untilSome(): Promise<unknown>;
  /** Resolves when the stream has told its end. */
  ended: Promise<void>;
};

/** Follows over server-sent events, from connection to connection. `cut`: drops each connection after so many events. */
export function followStream(jobId: string, cut = Number.POSITIVE_INFINITY): StreamReader {
  const messages: Message[] = [];
  const changes = new Changes();
  let text = "";
  let offset = "-1";

  async function connect(): Promise<boolean> {
    const { body, status } = await open("GET", `/v1/jobs/${jobId}/stream?offset=${offset}&live=sse`);
    if (status !== 200 || !body) throw new Error(`the stream answered ${status}`);
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (let events = 0; events < cut; ) {
      const { done, value } = await reader.read();
      if (done) break;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) if (hear(block)) return true;
      events += blocks.length;
    }
    await reader.cancel();
    return false;
  }

  /** Data count only with the offset behind them: cut off in between, they come again. */
  let held: Message[] = [];
  function hear(block: string): boolean {
    const data = block.slice(block.indexOf("data:") + 5);
    if (block.startsWith("event: data")) held = JSON.parse(data) as Message[];
    if (!block.startsWith("event: control")) return false;
    const control = JSON.parse(data) as { streamNextOffset: string; streamClosed?: boolean };
    offset = control.streamNextOffset;
    messages.push(...held);
    text = shown(held, text);
    held = [];
    changes.tell();
    return control.streamClosed === true;
  }

  async function follow(): Promise<void> {
    while (!(await connect()));
  }

  return {
    get text() {
      return text;
    },
    messages,
    ended: follow(),
    untilText: (wanted) => changes.until(() => text === wanted),
    untilSome: () => changes.until(() => text),
  };
}
