// Types of conformance-proxy.mjs.

export function startProxy(target: string, key: string): Promise<{ url: string; stop(): void }>;
