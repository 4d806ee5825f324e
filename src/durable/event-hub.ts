// Tells everyone who listens: one object per channel (or per share of the jobs without one), WebSockets only.
//
// Sockets hibernate: between events the object costs nothing, so nothing here may wait for long. The one timer, of half a
// second, runs only while the children of a job end so fast that not each of them is told.

import { DurableObject } from "cloudflare:workers";
import type { EventFrame, Frame, SnapshotFrame } from "../contract/frames";
import type { JobOnWire } from "../contract/job";
import { presentJob } from "../contract/present";
import { parseCursor } from "../core/cursor";
import type { JobEvent } from "../core/events";
import { isErased, type Job } from "../core/job";
import { createDeps } from "../deps";
import type { Env } from "../env";
import { getJob, newestOfChannel } from "../store/jobs";
import { openJob } from "../store/sealed-job";
import { EventRing, type PlacedEvent } from "./event-ring";
import { ParentPace } from "./parent-pace";

/** What a listener asks for; the API has checked that it may. */
export type Listen = { projectId: string; job: string | null; channel: string | null; since: string | null };

/** Jobs in a channel's snapshot: the newest. Older ones are a list request away. */
const SNAPSHOT_JOBS = 100;

const REMEMBERED_RUNS = 5_000;

const WHOLE_CHANNEL = "channel";

export class EventHub extends DurableObject<Env> {
  private readonly ring = new EventRing(this.ctx.storage.sql);
  private readonly vault = createDeps(this.env, this.ctx).vault;
  /** The newest run of the jobs that were heard of last. */
  private readonly runs = new Map<string, number>();
  private readonly pace = new ParentPace((event) => {
    for (const placed of this.ring.append([event])) this.send(placed);
  });
  /** Sockets whose snapshot is being read, and what happened meanwhile. */
  private readonly opening = new Map<WebSocket, Frame[]>();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    // Answered by the platform, without waking the object.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
  }

  /** Tells these events, in this order, to all who listen. */
  async publish(events: JobEvent[]): Promise<void> {
    const news = events.filter((event) => !this.isSuperseded(event) && this.pace.lets(event));
    for (const placed of this.ring.append(news)) this.send(placed);
  }

  /** Nobody will hear of these jobs again. */
  async forget(jobIds: string[]): Promise<void> {
    this.ring.forget(jobIds);
  }

  /** A listener comes in: subscribed first, then shown how things stand, so that nothing falls between the two. */
  override async fetch(request: Request): Promise<Response> {
    const listen = JSON.parse(new URL(request.url).searchParams.get("listen") ?? "null") as Listen;
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server, [listen.job ?? WHOLE_CHANNEL]);
    this.opening.set(server, []);
    const cursor = this.ring.cursor;
    try {
      const frames = await this.greeting(listen, cursor);
      for (const frame of [...frames, ...(this.opening.get(server) ?? [])])
        server.send(JSON.stringify(frame));
    } catch (error) {
      server.close(1011, "snapshot failed");
      throw error;
    } finally {
      this.opening.delete(server);
    }
    return new Response(null, { status: 101, webSocket: client });
  }

  override webSocketMessage(): void {
    // Listeners have nothing to say; their pings never get here.
  }

  /** A listener leaves: without an answer its close would take until a timeout, and count as a broken connection. */
  override webSocketClose(socket: WebSocket): void {
    socket.close();
  }

  /** Progress of a run that has lost its job, and does not know it yet. */
  private isSuperseded(event: JobEvent): boolean {
    const newest = this.runs.get(event.job_id) ?? 0;
    if (event.run < newest) return event.type === "job.progress";
    if (this.runs.size >= REMEMBERED_RUNS) this.runs.delete(this.runs.keys().next().value ?? "");
    this.runs.delete(event.job_id);
    this.runs.set(event.job_id, event.run);
    return false;
  }

  private async greeting(listen: Listen, cursor: string): Promise<Frame[]> {
    const since = listen.since === null ? null : parseCursor(listen.since);
    const missed = since && this.ring.since(since);
    if (listen.since !== null && !missed) {
      return [{ type: "reset", cursor }, await this.snapshot(listen, cursor)];
    }
    // The snapshot of a listener who comes back bears the cursor it came with: if it is cut off again before it has
    // read what it missed, it must come back to the same place.
    const snapshot = await this.snapshot(listen, listen.since ?? cursor);
    const replay = (missed ?? []).filter(({ event }) => listen.job === null || event.job_id === listen.job);
    return [snapshot, ...replay.map(toFrame)];
  }

  private async snapshot(listen: Listen, cursor: string): Promise<SnapshotFrame> {
    const { projectId, job, channel } = listen;
    if (job !== null) {
      const found = await getJob(this.env.DB, { projectId, id: job });
      return { type: "snapshot", cursor, job: found && !isErased(found) ? await this.present(found) : null };
    }
    const jobs = await newestOfChannel(this.env.DB, projectId, channel ?? "", SNAPSHOT_JOBS);
    return {
      type: "snapshot",
      cursor,
      channel,
      jobs: await Promise.all(jobs.map((one) => this.present(one))),
    };
  }

  private async present(job: Job): Promise<JobOnWire> {
    return presentJob(await openJob(this.vault, job));
  }

  private send(placed: PlacedEvent): void {
    const frame = toFrame(placed);
    const text = JSON.stringify(frame);
    const ofJob = this.ctx.getWebSockets(placed.event.job_id);
    for (const socket of [...ofJob, ...this.ctx.getWebSockets(WHOLE_CHANNEL)]) {
      const held = this.opening.get(socket);
      if (held) held.push(frame);
      else trySend(socket, text);
    }
  }
}

function toFrame({ event, cursor }: PlacedEvent): EventFrame {
  return { ...event, cursor };
}

function trySend(socket: WebSocket, text: string): void {
  try {
    socket.send(text);
  } catch {
    // It closed a moment ago. It comes back with its cursor if it wants to.
  }
}
