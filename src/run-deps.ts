// Adds the way to the models and to the internet: for whoever runs jobs, the consumer and the objects of live calls. They alone read provider keys.

import type { Deps } from "./deps";
import type { RunDeps } from "./engine/run";
import type { Env } from "./env";
import { createLlm } from "./llm/create-llm";
import { createHeaderSlots } from "./llm/header-slots";

/** Calls that wait for headers are counted together: per invocation or per object, as the platform does. */
export function createRunDeps(deps: Deps, env: Env): RunDeps {
  const headerSlots = createHeaderSlots();
  return {
    ...deps,
    fetchUrl: (url, init) => fetch(url, init),
    createLlm: (run) =>
      createLlm({
        catalogue: deps.config.catalogue,
        secret: (name) => secretOf(env, name),
        headerSlots,
        ...run,
      }),
  };
}

/** Secrets are named by the settings, so the environment is looked at by name here, and nowhere else. */
function secretOf(env: Env, name: string): string | undefined {
  const value: unknown = Object.entries(env).find(([key]) => key === name)?.[1];
  return typeof value === "string" ? value : undefined;
}
