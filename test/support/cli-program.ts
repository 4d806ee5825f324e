// The program of the command line without a process: what it prints where, with which code it ends, and what it has asked.

import { vi } from "vitest";
import { run } from "../../client/src/cli/program";

export const KEYED = { ERRAND_URL: "http://errand.test", ERRAND_KEY: "errand_key" };

type Terminal = { columns?: number; isTty?: boolean; input?: string; signal?: AbortSignal };

export function start(args: string[], env: Record<string, string>, terminal: Terminal = {}) {
  const { columns = Number.POSITIVE_INFINITY, isTty = false, input = "", signal } = terminal;
  const printed = { out: "", err: "" };
  const sink = (name: "out" | "err") => ({
    write: (text: string) => {
      printed[name] += text;
    },
    isTty,
    columns: () => columns,
    rows: () => 24,
    hasColours: isTty,
  });
  const code = run(args, {
    env,
    out: sink("out"),
    err: sink("err"),
    readFile: async (path) => Promise.reject(new Error(`no such file: ${path}`)),
    readInput: async () => input,
    readVersion: async () => "1.2.3",
    signal: signal ?? new AbortController().signal,
  });
  return { printed, code };
}

export async function runProgram(
  args: string[],
  env: Record<string, string> = KEYED,
  terminal: Terminal = {},
) {
  const { printed, code } = start(args, env, terminal);
  return { code: await code, ...printed };
}

type Seen = { method: string; path: string; body: unknown };

/** The network: `answer` stands for the service. */
export function answering(answer: (seen: Seen) => Response): Seen[] {
  const requests: Seen[] = [];
  vi.stubGlobal("fetch", async (url: string, { method = "GET", body }: RequestInit) => {
    const { pathname, search } = new URL(url);
    const seen = {
      method,
      path: pathname + search,
      body: body === undefined ? null : JSON.parse(String(body)),
    };
    requests.push(seen);
    return answer(seen);
  });
  return requests;
}

export function refusing(status: number, code: string, more: object = {}) {
  const type = { 401: "authentication_error", 403: "permission_error", 404: "not_found_error" }[status];
  const error = {
    message: "Words of the server.",
    code,
    type: type ?? "api_error",
    param: null,
    request_id: "req-7",
  };
  return answering(() => Response.json({ error: { ...error, ...more } }, { status }));
}
