// Types of dev-server.mjs, for the tests.

export type DevServer = {
  url: string;
  /** The root key. */
  key: string;
  /** Of the process group that everything runs in. */
  pid: number;
  ended: Promise<{ code: number }>;
  stop(): Promise<void>;
};

export type DevOptions = {
  port?: number;
  persistTo?: string;
  env?: Record<string, string | undefined>;
  devVars?: string;
  args?: string[];
  migrated?: boolean;
  quiet?: boolean;
  onLog?: (line: string, stream: "stdout" | "stderr") => void;
};

export function startDev(options?: DevOptions): Promise<DevServer>;
