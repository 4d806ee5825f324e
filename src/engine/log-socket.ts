// The socket over which a run writes the stream of its job.

import type { Producer } from "../core/streams/job-log";
import { shardOf } from "../core/streams/stream";
import type { Deps } from "../deps";
import { within } from "../store/within";

const PATIENCE_MS = 5_000;

/** Not yet accepted. "shut out": it is not for this run to write. Throws when the object cannot be reached. */
export async function openLogSocket(deps: Deps, producer: Producer): Promise<WebSocket | "shut out"> {
  const address = `https://log/?produce=${encodeURIComponent(JSON.stringify(producer))}`;
  const log = deps.jobLogs.getByName(shardOf(producer.id));
  const asked = log.fetch(address, { headers: { upgrade: "websocket" } });
  const { webSocket, status } = await within(PATIENCE_MS, asked, () => new Error("no answer"));
  if (webSocket) return webSocket;
  if (status === 409) return "shut out";
  throw new Error(`The stream's object answered ${status}.`);
}
