// `--filter state=failed,task=generate`: which jobs, in the words of the API.

import { WrongUsage } from "./command.ts";

/** A comma belongs to a value unless a name stands behind it. */
const BETWEEN = /,(?=[a-z_]+=)/;

export function readFilter(texts: string[], names: readonly string[]): Record<string, string> {
  const filter: Record<string, string> = {};
  for (const part of texts.flatMap((text) => text.split(BETWEEN))) {
    const [, name = "", value = ""] = /^([^=]*)=(.*)$/s.exec(part) ?? [];
    if (!names.includes(name) || value === "")
      throw new WrongUsage(`--filter does not know "${part}".`, `Use name=value with ${names.join(", ")}.`);
    if (name in filter) throw new WrongUsage(`--filter says ${name} twice.`);
    filter[name] = value;
  }
  return filter;
}
