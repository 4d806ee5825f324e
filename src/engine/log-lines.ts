// What a run says, as its stream's object gets it: JSON on lines, sealed where what is stored is sealed.

import { type LogMessage, toLine } from "../core/streams/job-log";
import type { JobKey } from "../store/db";
import type { Vault } from "../store/vault";

export async function toLines(vault: Vault, job: JobKey, messages: LogMessage[]): Promise<Uint8Array> {
  const lines = messages.map(toLine).join("");
  if (!vault.seals || lines === "") return new TextEncoder().encode(lines);
  const sealed = await vault.sealText(job, lines);
  return new TextEncoder().encode(toLine({ type: "sealed", lines: sealed }));
}
