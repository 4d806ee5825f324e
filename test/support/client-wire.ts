// The network between the client and the Worker: everything that passes is seen here, and may be lost, cut or sent twice.

import { exports } from "cloudflare:workers";
import { onTestFinished, vi } from "vitest";
import { Errand, type ErrandOptions } from "../../client/src/index";
import { ORIGIN, ROOT_KEY } from "./http-client";

export type Seen = { method: string; path: string; url: URL; headers: Headers; body: string | null };

/** `refuse`: it does not arrive. `lose`: it arrives, and the answer is lost. A response: that instead of the Worker's. */
export type Fault = "refuse" | "lose" | Response;

/**
 * Of one connection for events or a stream. `frames`: so many get through, then it is cut. `twice`: each comes two times.
 * `bytes`: of a stream, so many get through.
 */
export type Cut = { frames: number; twice?: boolean; bytes?: number };

export type Faults = {
  /** Of a request that is not for events; `nth` counts those from 1. */
  request?: (seen: Seen, nth: number) => Fault | undefined;
  /** Of a connection for events; `nth` counts from 1. */
  connection?: (nth: number, seen: Seen) => Cut | undefined;
};

const WHOLE: Cut = { frames: Number.POSITIVE_INFINITY };

export class Wire {
  readonly requests: Seen[] = [];
  readonly connections: (Seen & { way: "socket" | "sse" })[] = [];

  constructor(private readonly faults: Faults = {}) {}

  readonly fetch = async (url: string, init: RequestInit): Promise<Response> => {
    const seen = see(url, init);
    if (/\/(events|stream|generate)$/.test(seen.path)) return this.openStream(seen, init);
    this.requests.push(seen);
    const fault = this.faults.request?.(seen, this.requests.length);
    if (fault === "refuse") throw new TypeError("connection refused");
    if (fault instanceof Response) return fault;
    const response = await exports.default.fetch(url, init as RequestInit<IncomingRequestCfProperties>);
    if (fault !== "lose") return response;
    await response.text();
    throw new TypeError("connection lost");
  };

  /** The class for `globalThis.WebSocket`: workerd has no way out to the Worker of its own test. */
  get WebSocket(): typeof WebSocket {
    const wire = this;
    return class extends WireSocket {
      constructor(url: string) {
        super((hear) => wire.openSocket(url, hear));
      }
    } as unknown as typeof WebSocket;
  }

  private next(seen: Seen, way: "socket" | "sse"): Cut {
    this.connections.push({ ...seen, way });
    return this.faults.connection?.(this.connections.length, seen) ?? WHOLE;
  }

  private async openStream(seen: Seen, init: RequestInit): Promise<Response> {
    const cut = this.next(seen, "sse");
    if (cut.frames === 0) throw new TypeError("connection refused");
    const response = await exports.default.fetch(
      seen.url.href,
      init as RequestInit<IncomingRequestCfProperties>,
    );
    if (!response.ok || !response.body) return response;
    const cutting = cut.bytes === undefined ? cutStream(cut) : cutBytes(cut.bytes);
    return new Response(response.body.pipeThrough(cutting), response);
  }

  private async openSocket(address: string, hear: Hear): Promise<WebSocket> {
    const url = address.replace(/^ws/, "http");
    const cut = this.next(see(url, {}), "socket");
    if (cut.frames === 0) throw new TypeError("connection refused");
    const response = await exports.default.fetch(url, { headers: { upgrade: "websocket" } });
    const socket = response.webSocket;
    if (!socket) throw new TypeError(`not upgraded: ${response.status} ${await response.text()}`);
    let left = cut.frames;
    socket.addEventListener("message", ({ data }) => {
      if (left <= 0) return;
      left -= 1;
      for (let times = cut.twice ? 2 : 1; times > 0; times--) hear.message(data);
      if (left > 0) return;
      socket.close(1000, "cut");
      hear.close();
    });
    socket.addEventListener("close", () => hear.close());
    socket.accept();
    return socket;
  }
}

type Hear = { message(data: unknown): void; close(): void };

/** What the client needs of a WebSocket. */
class WireSocket extends EventTarget {
  private socket: WebSocket | null = null;
  private isClosed = false;

  constructor(open: (hear: Hear) => Promise<WebSocket>) {
    super();
    const hear: Hear = {
      message: (data) => {
        if (!this.isClosed) this.dispatchEvent(new MessageEvent("message", { data }));
      },
      close: () => this.end(),
    };
    open(hear).then(
      (socket) => this.begin(socket),
      () => {
        this.dispatchEvent(new Event("error"));
        this.end();
      },
    );
  }

  send(text: string): void {
    this.socket?.send(text);
  }

  close(): void {
    this.socket?.close(1000, "bye");
    this.end();
  }

  private begin(socket: WebSocket): void {
    this.socket = socket;
    if (this.isClosed) socket.close(1000, "bye");
    else this.dispatchEvent(new Event("open"));
  }

  private end(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.dispatchEvent(new Event("close"));
  }
}

/** Cuts in the middle of the frame after the last that gets through. */
function cutStream({ frames, twice = false }: Cut): TransformStream<Uint8Array, Uint8Array> {
  let left = frames;
  return new TransformStream({
    transform(chunk, controller) {
      const isFrame = chunk[0] !== ":".charCodeAt(0);
      if (left <= 0) {
        controller.enqueue(chunk.slice(0, chunk.length / 2));
        controller.error(new TypeError("connection lost"));
        return;
      }
      controller.enqueue(chunk);
      if (!isFrame) return;
      if (twice) controller.enqueue(chunk);
      left -= 1;
    },
  });
}

function cutBytes(bytes: number): TransformStream<Uint8Array, Uint8Array> {
  let left = bytes;
  return new TransformStream({
    transform(chunk, controller) {
      controller.enqueue(chunk.slice(0, left));
      left -= chunk.byteLength;
      if (left <= 0) controller.error(new TypeError("connection lost"));
    },
  });
}

function see(address: string, { method = "GET", headers, body }: RequestInit): Seen {
  const url = new URL(address);
  const text = typeof body === "string" ? body : null;
  return { method, path: url.pathname, url, headers: new Headers(headers), body: text };
}

type Over = Partial<ErrandOptions> & { faults?: Faults };

/** A client on a wire of its own, with the root key unless there is another credential; its sockets go over the wire. */
export function connect({ faults, ...over }: Over = {}): { errand: Errand; wire: Wire } {
  const wire = new Wire(faults);
  vi.stubGlobal("WebSocket", wire.WebSocket);
  onTestFinished(() => void vi.unstubAllGlobals());
  const credential = over.token || over.getToken ? {} : { key: ROOT_KEY };
  return { errand: new Errand({ baseUrl: ORIGIN, fetch: wire.fetch, ...credential, ...over }), wire };
}

/** Takes away the random part of every pause, which is all of it: what is repeated is repeated at once. */
export function dontPause(): void {
  const random = vi.spyOn(Math, "random").mockReturnValue(0);
  onTestFinished(() => random.mockRestore());
}
