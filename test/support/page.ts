// A page in a small DOM, for components that use the hooks.

import { parseHTML } from "linkedom";
import { act, createElement, type ReactNode, StrictMode } from "react";
import { createRoot, hydrateRoot } from "react-dom/client";
import { onTestFinished, vi } from "vitest";
import type { Errand } from "../../client/src/index";
import { ErrandProvider } from "../../client/src/react/index";

/** What React and the hooks look for in a browser. */
export function openBrowser(): { body: { innerHTML: string }; kept: Map<string, string> } {
  const { window, document } = parseHTML("<!doctype html><html><body></body></html>");
  const kept = new Map<string, string>();
  vi.stubGlobal("window", window);
  vi.stubGlobal("document", document);
  vi.stubGlobal("sessionStorage", {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  });
  onTestFinished(() => void vi.unstubAllGlobals());
  return { body: document.body, kept };
}

/** Rendering is seen through; what comes later, from the network, comes as it does in a browser. */
async function settled(change: () => void): Promise<void> {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  await act(async () => change());
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", false);
}

export type Page = {
  html(): string;
  show(node: ReactNode): Promise<void>;
  close(): Promise<void>;
};

type Options = { isStrict?: boolean; html?: string; onError?: (error: unknown) => void };

/** Shows it below the provider. `html`: rendered by a server before, and taken over. */
export async function openPage(errand: Errand, node: ReactNode, options: Options = {}): Promise<Page> {
  const { isStrict = false, html, onError } = options;
  const container = document().createElement("div");
  const inside = (node: ReactNode) => {
    const provided = createElement(ErrandProvider, { client: errand }, node);
    return isStrict ? createElement(StrictMode, null, provided) : provided;
  };
  if (html !== undefined) container.innerHTML = html;
  const place = container as never;
  const handlers = { onRecoverableError: onError, onUncaughtError: onError };
  let root = { render: (_: ReactNode) => {}, unmount: () => {} };
  await settled(() => {
    if (html !== undefined) root = hydrateRoot(place, inside(node), handlers);
    else {
      root = createRoot(place, handlers);
      root.render(inside(node));
    }
  });
  onTestFinished(() => settled(() => root.unmount()));
  return {
    html: () => container.innerHTML,
    show: (node) => settled(() => root.render(inside(node))),
    close: () => settled(() => root.unmount()),
  };
}

type Tag = { innerHTML: string };

function document(): { createElement(name: string): Tag } {
  return (globalThis as unknown as { document: { createElement(name: string): Tag } }).document;
}

/** A component that shows nothing, and what its hook has returned. */
export function probe<T>(hook: () => T): { node: ReactNode; seen: T[]; readonly now: T } {
  const seen: T[] = [];
  const Probe = () => {
    seen.push(hook());
    return null;
  };
  return {
    node: createElement(Probe),
    seen,
    get now() {
      return seen.at(-1) as T;
    },
  };
}
