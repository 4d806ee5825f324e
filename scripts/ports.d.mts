// Types of ports.mjs, for the tests.

export function isPortFree(port: number): Promise<boolean>;
export function freePort(): Promise<number>;
