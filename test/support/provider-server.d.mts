// Types of provider-server.mjs.

export type ProviderRequest = {
  job: string;
  attempt: number;
  model: string;
  /** By performance.now(). */
  arrivedAt: number;
  /** Resolves with the time when the caller closed the connection before it had the whole answer. */
  closed: Promise<number>;
  /** Lets `silent` and `stuck` go on. */
  release(): void;
};

export type Provider = {
  url: string;
  requests: ProviderRequest[];
  untilRequest(job: string, attempt?: number): Promise<ProviderRequest>;
  stop(): Promise<void>;
};

export function startProvider(port?: number): Promise<Provider>;
