// Types of browser.mjs, for the tests.

type Machine = {
  env?: Record<string, string | undefined>;
  platform?: string;
  exists?: (file: string) => boolean;
};

export const BROWSER_ARGS: string[];
export function findBrowser(machine?: Machine): string | undefined;
