// The tasks that make something small of texts, data, labels or vectors: their inputs and outputs.

import type { JobFile } from "./wire-files.ts";

export type ExtractInput = {
  text: string;
  /** JSON Schema of what is wanted. */
  schema: Record<string, unknown>;
  model?: string;
  instructions?: string;
  /** At most 50. */
  examples?: { text: string; data: unknown }[];
};

/** `data` fits the schema. */
export type ExtractOutput = { data: unknown; model: string };

export type Label = string | { name: string; description: string };

export type ClassifyInput = {
  text: string;
  /** At most 250. */
  labels: Label[];
  /** Any number of labels instead of one. */
  multiple?: boolean;
  model?: string;
  instructions?: string;
};

export type ClassifyOutput = {
  label?: string;
  /** With `multiple`. */
  labels?: string[];
  /** The model's own word for it, from 0 to 1. */
  confidence: number;
  model: string;
};

export type ModerateInput = {
  text: string;
  /** Instead of the usual ones. */
  categories?: Label[];
  model?: string;
};

export type ModerateOutput = { flagged: boolean; categories: Record<string, boolean>; model: string };

/** Either `input` or `file_id`. */
export type EmbedInput = {
  /** One text, or many. From 513 on they are a corpus, whose vectors are in files. */
  input?: string | string[];
  /** A corpus: JSON Lines, or a text a line. */
  file_id?: string;
  format?: "jsonl" | "text";
  model?: string;
  dimensions?: number;
  encoding?: "base64";
  provider_options?: Record<string, unknown>;
};

export type EmbedOutput = {
  /** One vector per text, in order. Empty with `encoding`, and for a corpus. */
  embeddings: number[][];
  /** With `encoding`: base64 of the numbers as float32, the lowest byte first. */
  embeddings_base64?: string[];
  /** Of a corpus. */
  count?: number;
  files?: JobFile[];
  dimensions: number;
  model: string;
};
