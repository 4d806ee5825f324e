// Opens sockets to the hubs, and waits on them for the end of a job.

import type { Frame } from "../contract/frames";
import { AppError } from "../core/errors";
import { isEnd } from "../core/events";
import { hubName } from "../core/hubs";
import type { Job } from "../core/job";
import { isFinal } from "../core/lifecycle";
import type { Deps } from "../deps";
import type { Listen } from "../durable/event-hub";
import { errorField } from "../log";

/** What a listener listens to: a job (and the channel it belongs to), or a channel. */
export type Subject = {
  projectId: string;
  job: Pick<Job, "id" | "channel" | "parentId"> | null;
  channel: string | null;
};

/** A socket to the hub, not yet accepted. Throws `store_unavailable` when the hub cannot be reached. */
export async function openSocket(deps: Deps, subject: Subject, since: string | null): Promise<WebSocket> {
  const { projectId, job, channel } = subject;
  const listen: Listen = { projectId, job: job?.id ?? null, channel, since };
  const address = `https://hub/?listen=${encodeURIComponent(JSON.stringify(listen))}`;
  const hub = deps.hubs.getByName(
    hubName(projectId, job ? job.channel : channel, job?.parentId ?? job?.id ?? ""),
  );
  const socket = await connect(hub, address);
  if (!socket) throw new AppError("store_unavailable", { message: "Events are not available right now." });
  return socket;
}

async function connect(hub: Fetcher, address: string): Promise<WebSocket | null> {
  try {
    return (await hub.fetch(address, { headers: { upgrade: "websocket" } })).webSocket;
  } catch (error) {
    throw new AppError("store_unavailable", {
      message: "Events are not available right now.",
      retryAfterMs: 2_000,
      cause: error,
    });
  }
}

/**
 * Resolves when the job has ended, when the time is over, or when the hub is away: the caller looks which. Never throws:
 * the job is stored, and that it cannot be waited for must not look as if it were not.
 */
export async function waitForEnd(deps: Deps, job: Job, timeoutMs: number): Promise<void> {
  try {
    const socket = await openSocket(deps, { projectId: job.projectId, job, channel: null }, null);
    await endOrTimeout(socket, timeoutMs);
  } catch (error) {
    deps.log("wait_failed", { job: job.id, error: errorField(error) });
  }
}

async function endOrTimeout(socket: WebSocket, timeoutMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.addEventListener("message", ({ data }) => {
    if (typeof data === "string" && tellsEnd(JSON.parse(data) as Frame)) resolve();
  });
  socket.addEventListener("close", () => resolve());
  socket.addEventListener("error", () => resolve());
  const timer = setTimeout(resolve, timeoutMs);
  socket.accept();
  await promise;
  clearTimeout(timer);
  socket.close(1000, "done");
}

function tellsEnd(frame: Frame): boolean {
  if (frame.type === "snapshot") return "job" in frame && (frame.job === null || isFinal(frame.job.state));
  return frame.type !== "reset" && isEnd(frame);
}
