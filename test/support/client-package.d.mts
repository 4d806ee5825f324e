// Types of client-package.mjs.

export type InstalledClient = {
  remove(): void;
  /** What the package holds. */
  files: string[];
  manifest: { dependencies: Record<string, string>; peerDependenciesMeta: object; version: string };
  /** Compiles the app; throws with what the compiler says. */
  compile(): Promise<string>;
  /** Runs the compiled app; what it has printed. */
  start(...args: string[]): Promise<string>;
  /** Renders the compiled page; what it has printed. */
  startPage(): Promise<string>;
  /** A file of the package. */
  read(name: string): string;
};

export function installClient(): Promise<InstalledClient>;
