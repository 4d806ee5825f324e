// Types of project-copy.mjs.

export type Script = {
  lines: string[];
  untilLine(pattern: RegExp): Promise<string>;
  signal(name: string): void;
  ended: Promise<{ code: number }>;
};

export function tempFolder(): { folder: string; remove(): void };
export function copyProject(options?: { fakeWrangler?: boolean }): { root: string; remove(): void };
export function startScript(
  root: string,
  script: string,
  args: string[],
  env?: Record<string, string>,
): Script;
export function readText(file: string): string | undefined;
export function writeText(file: string, text: string): void;
export function listFolder(folder: string): string[];
