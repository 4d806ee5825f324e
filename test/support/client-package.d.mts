// Types of client-package.mjs.

export type InstalledClient = {
  remove(): void;
  /** What the package holds. */
  files: string[];
  manifest: { dependencies: Record<string, string>; peerDependenciesMeta: object; version: string };
  /** Starts `npx errand` with these arguments; nothing of the environment is told to it but `variables`. */
  errand(args: string[], options?: { variables?: Record<string, string>; input?: string }): Program;
  /** Throws with what publint and attw say against the package. */
  lint(): Promise<void>;
  /** Compiles the app and the code in the README; throws with what the compiler says. */
  compile(): Promise<void>;
  /** Runs the compiled app; what it has printed. */
  start(...args: string[]): Promise<string>;
  /** Renders a compiled page; what it has printed. */
  startPage(name: string): Promise<string>;
  /** Asks the compiled Worker, inside workerd. */
  askWorker(variables: Record<string, string>): Promise<unknown>;
  /** A file of the package. */
  read(name: string): string;
};

export type Program = {
  /** So far. */
  printed: { stdout: string; stderr: string };
  /** `signal`: it did not end by itself. */
  ended: Promise<{ code: number; signal: string | null; stdout: string; stderr: string }>;
  /** As Ctrl-C does. */
  interrupt(): void;
};

export function installClient(): Promise<InstalledClient>;
