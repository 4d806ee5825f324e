// Types of deploy-steps.mjs, for the tests.

export type Result = { code: number; stdout: string; output: string };

export type DeployContext = {
  wrangler(args: string[], options?: { tty?: boolean; env?: Record<string, string> }): Promise<Result>;
  ask(question: string, options?: { hidden?: boolean }): Promise<string>;
  say(text: string): void;
  env: Record<string, string | undefined>;
  config: { accountId?: string; database: string; vars: Record<string, string> };
  interactive: boolean;
};

export function deploy(context: DeployContext): Promise<string | undefined>;
