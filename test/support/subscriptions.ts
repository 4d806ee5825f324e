// What tests of the client's subscriptions share: ways to wait for frames, and streams that fall silent.

import { onTestFinished } from "vitest";
import type { Errand, Frame, Subscription } from "../../client/src/index";
import type { EventFrame } from "../../src/contract/frames";
import { call, mint } from "./http-client";

export const act = (id: string, action: string) => call("POST", `/v1/jobs/${id}/${action}`);
export const isEvent = (frame: Frame): frame is EventFrame => "job_id" in frame;
export const told = (frames: Frame[]) =>
  frames.filter(isEvent).map(({ job_id, type, version }) => [job_id, type, version]);

/** Takes frames up to the first that fits. */
export async function until(subscription: Subscription, fits: (frame: Frame) => boolean): Promise<Frame[]> {
  const frames: Frame[] = [];
  for (;;) {
    const { done, value } = await subscription.next();
    if (done) throw new Error(`the end came first, after ${frames.map(({ type }) => type).join(", ")}`);
    frames.push(value);
    if (fits(value)) return frames;
  }
}

export const snapshot = (frame: Frame) => frame.type === "snapshot";
export const of = (type: Frame["type"], id: string) => (frame: Frame) =>
  frame.type === type && isEvent(frame) && frame.job_id === id;

export function subscribe(errand: Errand, ...args: Parameters<Errand["events"]["subscribe"]>): Subscription {
  const subscription = errand.events.subscribe(...args);
  onTestFinished(() => subscription.close());
  return subscription;
}

export const greeting = (cursor: string): Frame => ({ type: "snapshot", cursor, channel: "c", jobs: [] });

/** A server-sent stream that sends these frames at once, and then neither a word nor its end. */
export function stuck(...frames: Frame[]): Response {
  const text = frames.map((frame) => `data: ${JSON.stringify(frame)}\n\n`).join("");
  return new Response(new ReadableStream({ start: (body) => body.enqueue(new TextEncoder().encode(text)) }));
}

export const tokenFor = (channel: string) => mint({ channel, allow: ["read", "submit"] });
