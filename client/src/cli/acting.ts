// What `retry` and `cancel` share: something done to each job that is named, or to all that fit a filter.

import { AuthenticationError, PermissionError } from "../errors.ts";
import type { Operation } from "../wire-service.ts";
import { type Command, EXIT, type Invocation, type Option, WrongUsage } from "./command.ts";
import { isAway, show, showJson } from "./failures.ts";
import { readFilter } from "./job-filter.ts";
import { clean } from "./width.ts";

export type Act = {
  /** Names that a filter may have. */
  fields: readonly string[];
  one(id: string, call: Invocation): Promise<{ shown: unknown; says: string }>;
  all(filter: Record<string, string>, call: Invocation): Promise<Operation>;
  /** Of an operation: `12 jobs started over`. */
  done: string;
};

export const FIELDS = ["state", "task", "channel", "tag", "created_after", "created_before"] as const;

export const FILTER: Option = {
  type: "string",
  value: "<name=value,…>",
  multiple: true,
  says: "All jobs that fit, instead of those named.",
};

export const MANY: Command["words"] = { least: 0, most: 1_000 };

export async function act(call: Invocation, { fields, one, all, done }: Act): Promise<number> {
  const filters = call.said.texts("filter");
  if (filters.length > 0 === call.words.length > 0)
    throw new WrongUsage("Which jobs?", "Name their ids, or give --filter, and not both.");
  if (filters.length === 0) return actOnEach(call, one);
  return follow(await all(readFilter(filters, fields), call), call, done);
}

/** One that cannot be done does not keep the others from it. */
async function actOnEach(call: Invocation, one: Act["one"]): Promise<number> {
  const { screen, signal } = call;
  let code: number = EXIT.fine;
  for (const id of call.words) {
    try {
      const { shown, says } = await one(id, call);
      if (screen.isJson) screen.printJson(shown);
      else screen.print(says);
    } catch (error) {
      if (signal.aborted || isForAll(error)) throw error;
      if (call.words.length > 1 && !screen.isJson) screen.hint(`${clean(id)}:`);
      (screen.isJson ? showJson : show)(error, screen.err);
      code = EXIT.failed;
    }
  }
  return code;
}

function isForAll(error: unknown): boolean {
  return isAway(error) || error instanceof AuthenticationError || error instanceof PermissionError;
}

async function follow(
  begun: Operation,
  { connect, screen, signal }: Invocation,
  done: string,
): Promise<number> {
  let now = begun;
  for await (const look of connect().operations.follow(begun, { signal })) {
    now = look;
    if (look.state === "running") screen.hint(`${look.id}: ${look.changed} ${done} so far`);
  }
  if (screen.isJson) screen.printJson(now);
  else screen.print(`${now.changed} ${now.changed === 1 ? done.replace("jobs", "job") : done}`);
  return EXIT.fine;
}
