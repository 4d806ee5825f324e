// The shape of `fetch` as the openai SDK calls it: what a provider is, seen from here.

export type Fetch = (url: string | URL | Request, init?: RequestInit) => Promise<Response>;
