// Types of dev-vars.mjs, for the tests.

type Values = Record<string, string | undefined>;
type Provider = { name: string; base_url: string; key?: string | string[]; models: { name: string }[] };
type Variables = { overrides: Values; values: Values; providers: Provider[] };

export function collectVariables(sources: { env: Values; file: Values; vars: Values }): Variables;
export function describeModels(variables: Variables): string;
