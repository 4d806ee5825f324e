// The tasks that this client knows, with their inputs and outputs; apps add their own.

export type ContentPart =
  | { type: "text"; text: string }
  | { type: "image_url"; image_url: { url: string; detail?: "auto" | "low" | "high" } };

export type Message = {
  role: "system" | "developer" | "user" | "assistant";
  content: string | ContentPart[];
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
  metadata?: Record<string, string>;
  /** Anything else the provider takes. */
  provider_options?: Record<string, unknown>;
};

export type GenerateOutput = {
  text: string;
  /** The parsed answer, when `response_format` asked for JSON. */
  json?: unknown;
  finish_reason: string;
  model: string;
};

export type EmbedInput = {
  /** One text, or up to 512. */
  input: string | string[];
  model?: string;
  dimensions?: number;
  provider_options?: Record<string, unknown>;
};

export type EmbedOutput = {
  /** One vector per text, in order. */
  embeddings: number[][];
  dimensions: number;
  model: string;
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
  embed: { input: EmbedInput; output: EmbedOutput };
}

export type TaskName = keyof Tasks & string;

// Not plain `string`: an editor would no longer offer the names.
export type AnyTask = TaskName | (string & {});

/** A literal must be the name of a known task; what is only known as a `string` is let through, without types. */
export type Known<N> = N extends TaskName ? N : string extends N ? N : TaskName;

export type InputOf<N> = N extends TaskName ? Tasks[N]["input"] : unknown;

export type OutputOf<N> = N extends TaskName ? Tasks[N]["output"] : unknown;
