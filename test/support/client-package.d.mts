// Types of client-package.mjs.

export type InstalledClient = {
  remove(): void;
  /** What the package holds. */
  files: string[];
  manifest: { dependencies: Record<string, string>; peerDependenciesMeta: object; version: string };
  /** Starts `npx errand` with these arguments; nothing of the environment is told to it but `variables`. */
  errand(args: string[], options?: { variables?: Record<string, string>; input?: string }): Program;
  /** Compiles the app; throws with what the compiler says. */
  compile(): Promise<string>;
  /** Runs the compiled app; what it has printed. */
  start(...args: string[]): Promise<string>;
  /** Renders the compiled page; what it has printed. */
  startPage(): Promise<string>;
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
