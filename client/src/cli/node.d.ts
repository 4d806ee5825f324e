// What the command line takes from Node.js, and no more: the package needs no types of Node.js to be built.

declare module "node:process" {
  type Stream = {
    isTTY?: boolean;
    columns?: number;
    rows?: number;
    write(text: string, done?: () => void): boolean;
    on(event: "error" | "resize", listener: (error: { code?: string }) => void): void;
  };
  const process: {
    argv: string[];
    env: Record<string, string | undefined>;
    stdin: AsyncIterable<Uint8Array> & { isTTY?: boolean };
    stdout: Stream;
    stderr: Stream;
    on(event: "SIGINT" | "SIGTERM", listener: () => void): void;
    exit(code: number): never;
  };
  export default process;
}

declare module "node:fs/promises" {
  export function readFile(path: string | URL, encoding: "utf8"): Promise<string>;
}

declare module "node:util" {
  type Value = string | boolean | (string | boolean)[] | undefined;
  export function parseArgs(config: {
    args: string[];
    options: Record<string, { type: "string" | "boolean"; short?: string; multiple?: boolean }>;
    strict: boolean;
    allowPositionals: boolean;
  }): { values: Record<string, Value>; positionals: string[] };
}
