// Types of install.mjs, for the tests.

type Packages = Record<string, { version?: string; optional?: boolean }>;

export function matchesLock(locked: Packages | undefined, installed: Packages | undefined): boolean;
