// Types of provider-server.mjs.

export type ProviderRequest = {
  job: string;
  attempt: number;
  model: string;
  /** The first word of what was asked, and its length. */
  echo: { word: string; length: number };
  /** By performance.now(). */
  arrivedAt: number;
  /** Resolves with the time when the caller closed the connection before it had the whole answer. */
  closed: Promise<number>;
  /** Neither answered in whole nor given up by the caller. */
  isOpen(): boolean;
  /** Words of a `dictated` answer. */
  say(text: string): void;
  /** In place of a `dictated` answer. */
  refuse(status: number): void;
  /** Lets `silent`, `stuck` and `dictated` go on. */
  release(): void;
};

export type Provider = {
  url: string;
  requests: ProviderRequest[];
  /** Resolves with the first thing, but nothing falsy, that `find` says; asked anew at each request. */
  until<T>(find: (requests: ProviderRequest[]) => T): Promise<NonNullable<T>>;
  untilRequest(job: string, attempt?: number): Promise<ProviderRequest>;
  stop(): Promise<void>;
};

export function startProvider(port?: number): Promise<Provider>;
