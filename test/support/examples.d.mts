// Types of examples.mjs.

type Variables = Record<string, string>;

export type Examples = {
  remove(): void;
  /** Of one of them, by its name. */
  folderOf(name: string): string;
  /** To its end. */
  run(
    name: string,
    command: string,
    args: string[],
    variables?: Variables,
  ): Promise<{ code: number; stdout: string; output: string }>;
  /** A server, once it has said where it listens. */
  serve(
    name: string,
    command: string,
    args: string[],
    variables?: Variables,
  ): Promise<{ url: string; stop(): Promise<void> }>;
};

export function installExamples(): Promise<Examples>;
