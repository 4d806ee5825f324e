// What a command is: its words and options, and what it does with them.

import type { Errand } from "../errand.ts";
import type { Screen } from "./screen.ts";

export type Option = {
  type: "string" | "boolean";
  /** What stands for the value in the help. */
  value?: string;
  multiple?: boolean;
  choices?: readonly string[];
  says: string;
};

export type Command = {
  name: string;
  /** Behind the name, one for each way to use it. */
  usage: string[];
  summary: string;
  /** What else there is to know. */
  notes?: string[];
  options: Record<string, Option>;
  /** How many words it takes. */
  words: { least: number; most: number };
  /** The exit code. */
  run(call: Invocation): Promise<number>;
};

/** The files, the input and the end of the program, for commands that need them. */
export type Host = {
  readFile(path: string): Promise<string>;
  readInput(): Promise<string>;
};

export type Invocation = {
  words: string[];
  said: Said;
  screen: Screen;
  host: Host;
  /** Null: neither said nor in the environment. */
  url: string | null;
  key: string | null;
  connect(): Errand;
  /** Aborts when somebody presses Ctrl-C. */
  signal: AbortSignal;
};

/** Options as they were said. */
export class Said {
  constructor(private readonly values: Record<string, unknown>) {}

  text(name: string): string | undefined {
    const value = this.values[name];
    return typeof value === "string" ? value : undefined;
  }

  texts(name: string): string[] {
    const value = this.values[name];
    return Array.isArray(value) ? value.map(String) : [];
  }

  flag(name: string): boolean {
    return this.values[name] === true;
  }
}

/** The command cannot be understood: nothing was sent. */
export class WrongUsage extends Error {
  constructor(
    message: string,
    readonly todo: string | null = null,
  ) {
    super(message);
  }
}

export const EXIT = { fine: 0, failed: 1, wrongUsage: 2, noService: 3, interrupted: 130 } as const;
