// What the code in the client's README takes for granted.

declare const Errand: typeof import("errand").Errand;
declare const errand: import("errand").Errand;
declare const baseUrl: string;
declare const getToken: () => Promise<string>;
declare const prompts: string[];
declare const input: import("errand").GenerateInput;
declare const show: (job: import("errand").Job) => void;
declare const process: { env: Record<string, string | undefined> };
