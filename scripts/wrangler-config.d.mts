// Types of wrangler-config.mjs, for the tests.

export function parseToml(text: string): Record<string, Record<string, string | string[]>>;
