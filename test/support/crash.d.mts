// Types of crash.mjs.

export function killGroup(pid: number): void;
export function editDatabase(folder: string, sql: string, ...values: (string | number)[]): number;
