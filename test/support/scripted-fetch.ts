// A client whose server is a script, for tests in which time runs as fast as it can.

import { vi } from "vitest";
import { Errand, type ErrandOptions } from "../../client/src/index";

type Answer = (url: string, init: RequestInit) => Response | Promise<Response>;

/** The server answers as it is told, and at once; with the last answer again and again. */
export function scripted(answers: Answer[], over: Partial<ErrandOptions> = {}) {
  const times: number[] = [];
  const urls: string[] = [];
  const inits: RequestInit[] = [];
  const fetch = async (url: string, init: RequestInit) => {
    times.push(Date.now());
    urls.push(url);
    inits.push(init);
    const answer = answers[times.length - 1] ?? answers.at(-1);
    if (!answer) throw new Error("nothing is scripted");
    return answer(url, init);
  };
  const errand = new Errand({ baseUrl: "https://errand.test", key: "k", fetch, ...over });
  return { errand, times, urls, inits };
}

/** How it ended. */
export async function settle<T>(promise: Promise<T>): Promise<T | Error> {
  const settled = promise.catch((error: Error) => error);
  await vi.runAllTimersAsync();
  return settled;
}

export const gaps = (times: number[]) => times.slice(1).map((time, i) => time - (times[i] ?? 0));
