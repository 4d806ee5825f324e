// A call of a tool that a model asks for.

export type ToolCall = {
  id: string;
  name: string;
  /** JSON text as the model has written it, which may fit no schema and be cut off; or a piece of it. */
  arguments: string;
};
