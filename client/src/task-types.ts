// The tasks that this client knows, with their inputs and outputs; apps add their own.

import type {
  ClassifyInput,
  ClassifyOutput,
  EmbedInput,
  EmbedOutput,
  ExtractInput,
  ExtractOutput,
  ModerateInput,
  ModerateOutput,
} from "./text-task-types.ts";
import type { CacheUse } from "./wire.ts";
import type { JobFile } from "./wire-files.ts";

export type TextPart = { type: "text"; text: string };

export type ContentPart =
  | TextPart
  | { type: "image_url"; image_url: { url: string; detail?: "auto" | "low" | "high" } };

export type Message =
  | { role: "system" | "developer" | "user"; content: string | ContentPart[] }
  /** Content is needed where there are no `tool_calls`. */
  | { role: "assistant"; content?: string | ContentPart[] | null; tool_calls?: MessageToolCall[] }
  /** What a tool has answered. */
  | { role: "tool"; content: string | TextPart[]; tool_call_id: string };

/** A `ToolCall` of an earlier answer, in the form in which the model is told of it again. */
export type MessageToolCall = {
  id: string;
  type: "function";
  function: { name: string; arguments: string };
};

/** A function that the model may call, with the JSON schema of its arguments. */
export type Tool = {
  type: "function";
  function: {
    name: string;
    description?: string;
    parameters?: Record<string, unknown>;
    strict?: boolean;
  };
};

export type ToolChoice = "none" | "auto" | "required" | { type: "function"; function: { name: string } };

/** A call that the model asks for. */
export type ToolCall = {
  id: string;
  name: string;
  /** JSON text as the model has written it: it may not fit the schema, and in a stream it is a piece. */
  arguments: string;
};

export type ResponseFormat =
  | { type: "text" }
  | { type: "json_object" }
  | {
      type: "json_schema";
      json_schema: {
        name: string;
        schema: Record<string, unknown>;
        strict?: boolean;
        description?: string;
      };
    };

/** Either `prompt` or `messages`. */
export type GenerateInput = {
  prompt?: string;
  messages?: Message[];
  instructions?: string;
  /** As `provider/model`; else the deployment's DEFAULT_MODEL. */
  model?: string;
  max_output_tokens?: number;
  temperature?: number;
  top_p?: number;
  stop?: string | string[];
  seed?: number;
  reasoning_effort?: "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | "max";
  response_format?: ResponseFormat;
  /** At most 128. */
  tools?: Tool[];
  tool_choice?: ToolChoice;
  parallel_tool_calls?: boolean;
  metadata?: Record<string, string>;
  /** Anything else the provider takes. */
  provider_options?: Record<string, unknown>;
};

export type GenerateOutput = {
  text: string;
  /** The parsed answer, when `response_format` asked for JSON. */
  json?: unknown;
  /** What the model has thought before it spoke, if its provider tells. */
  reasoning?: string;
  /** The calls that the model asks for: answer each with a message of role `tool`. */
  tool_calls?: ToolCall[];
  finish_reason: string;
  model: string;
};

/** One of `text`, `url` and `file_id`. */
export type LongTextInput = {
  /** Plain text or Markdown, as much as fits into an input (1 MB). */
  text?: string;
  /** A page or file on the public internet, up to 10 MB: text, Markdown, HTML or PDF. */
  url?: string;
  /** An uploaded file of the same kinds and size. */
  file_id?: string;
  model?: string;
  /** What is wanted beyond what the other fields say. */
  instructions?: string;
  max_chunk_tokens?: number;
  provider_options?: Record<string, unknown>;
  /** How its calls use the cache. Default: for a day. */
  cache?: CacheUse;
};

/** `chars`: the length of the source as text. Places in it count UTF-16 code units, as those of a string do. */
export type LongTextSource = {
  kind: "text" | "markdown" | "html" | "pdf";
  chars: number;
  pages?: number;
};

export type SummarizeInput = LongTextInput & {
  style?: "paragraph" | "bullets" | "outline";
  /** Or a number of words. */
  length?: "short" | "medium" | "long" | number;
  /** Of the summary; default: that of the text. */
  language?: string;
  /** Default: true. */
  citations?: boolean;
  overlap_tokens?: number;
  /** `skip` leaves out what cannot be read, and says so in `missing`. Default: `fail`. */
  on_chunk_failure?: "fail" | "skip";
};

export type SummarizeOutput = {
  /** With citations, `[n]` stands behind what it says. */
  summary: string;
  citations?: { n: number; start: number; end: number; page?: number; quote: string }[];
  missing?: { start: number; end: number; page?: number }[];
  chunks: number;
  /** Rounds of calls: 1 for a text that fits into one. */
  levels: number;
  title?: string;
  model: string;
  source: LongTextSource;
};

export type TranslateInput = LongTextInput & {
  target_language: string;
  source_language?: string;
  /** Terms of the text, and what each has to become. */
  glossary?: Record<string, string>;
  formality?: "formal" | "informal";
};

export type TranslateOutput = {
  text: string;
  /** Pieces that were translated: 0 for a text without a word. */
  chunks: number;
  title?: string;
  model: string | null;
  source: LongTextSource;
};

/** Either `template` or `messages`, and either `rows` or `file_id`; the rest is as of `generate`. */
export type BulkGenerateInput = Omit<
  GenerateInput,
  "prompt" | "tools" | "tool_choice" | "parallel_tool_calls"
> & {
  /** With `{{variables}}`. */
  template?: string;
  rows?: Record<string, unknown>[];
  /** CSV with a header, or JSON Lines. */
  file_id?: string;
  format?: "csv" | "jsonl";
  on_item_failure?: "continue" | "stop";
  output?: "jsonl" | "csv";
};

/** The texts are at `GET /v1/batches/{id}/output`. */
export type BulkGenerateOutput = {
  total: number;
  completed: number;
  failed: number;
  cancelled: number;
  files: JobFile[];
};

/**
 * Every task that can be submitted with types. An app adds its own:
 *
 * ```ts
 * declare module "errand" {
 *   interface Tasks {
 *     render: { input: { url: string }; output: { png: string } };
 *   }
 * }
 * ```
 */
export interface Tasks {
  generate: { input: GenerateInput; output: GenerateOutput };
  extract: { input: ExtractInput; output: ExtractOutput };
  classify: { input: ClassifyInput; output: ClassifyOutput };
  moderate: { input: ModerateInput; output: ModerateOutput };
  embed: { input: EmbedInput; output: EmbedOutput };
  summarize: { input: SummarizeInput; output: SummarizeOutput };
  translate: { input: TranslateInput; output: TranslateOutput };
  bulk_generate: { input: BulkGenerateInput; output: BulkGenerateOutput };
}

export type TaskName = keyof Tasks & string;

// Not plain `string`: an editor would no longer offer the names.
export type AnyTask = TaskName | (string & {});

/** A literal must be the name of a known task; what is only known as a `string` is let through, without types. */
export type Known<N> = N extends TaskName ? N : string extends N ? N : TaskName;

export type InputOf<N> = N extends TaskName ? Tasks[N]["input"] : unknown;

export type OutputOf<N> = N extends TaskName ? Tasks[N]["output"] : unknown;
