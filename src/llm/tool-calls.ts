// Puts the tool calls of an answer together from the pieces in which compatible servers send them.

import type { ToolCall } from "../core/tool-call";

/** OpenAI has an index on every piece, and id and name on the first; others leave some of it out, or repeat it. */
export type ToolCallPiece = {
  index?: number | null;
  id?: string | null;
  function?: { name?: string | null; arguments?: unknown } | null;
};

/** `held`: came before the name. */
type Begun = ToolCall & { givenId: string | null; held: string; isTold: boolean };

export class ToolCalls {
  private readonly begun: Begun[] = [];
  private readonly byIndex = new Map<number, Begun>();

  /** Those whose names are known: another one nobody could call. */
  get all(): ToolCall[] {
    return this.begun
      .filter((call) => call.isTold)
      .map(({ id, name, arguments: text }) => ({ id, name, arguments: text }));
  }

  /** What is new, under the call's own id and name; null: nothing that can be told yet. */
  add(piece: ToolCallPiece): ToolCall | null {
    const call = this.continued(piece) ?? this.begin(piece);
    call.givenId ??= piece.id || null;
    call.name ||= piece.function?.name ?? "";
    call.held += textOf(piece.function?.arguments);
    if (call.name === "" || (call.isTold && call.held === "")) return null;
    const told = { id: call.id, name: call.name, arguments: call.held };
    call.arguments += call.held;
    call.held = "";
    call.isTold = true;
    return told;
  }

  /** The call of which this is more; null: another one begins. */
  private continued(piece: ToolCallPiece): Begun | null {
    const { index, id } = piece;
    const call = this.find(piece);
    // Whatever its id is: vLLM has given every piece one of its own.
    if (!call || !piece.function?.name) return call;
    // Gemini and Ollama have sent whole calls without an index, or all of them with the same.
    const isOther = id ? call.givenId !== null && call.givenId !== id : typeof index !== "number";
    return isOther ? null : call;
  }

  private find({ index, id, function: named }: ToolCallPiece): Begun | null {
    const latest = this.begun.at(-1) ?? null;
    if (typeof index === "number") return this.byIndex.get(index) ?? (id || named?.name ? null : latest);
    return this.begun.find(({ givenId }) => id && givenId === id) ?? latest;
  }

  private begin({ index, id }: ToolCallPiece): Begun {
    // Of two calls with one id nobody could tell which is answered.
    const isTaken = !id || this.begun.some((call) => call.id === id);
    const call: Begun = {
      ...{ id: isTaken ? `call_${crypto.randomUUID()}` : id, name: "", arguments: "" },
      ...{ givenId: null, held: "", isTold: false },
    };
    this.begun.push(call);
    if (typeof index === "number") this.byIndex.set(index, call);
    return call;
  }
}

/** Some send the arguments as the object that they are. */
function textOf(given: unknown): string {
  if (given === undefined || given === null) return "";
  return typeof given === "string" ? given : JSON.stringify(given);
}
