// What several components look at, listened to once: from the first of them that is there until the last has gone.

import { useCallback, useSyncExternalStore } from "react";
import type { Errand } from "../errand.ts";
import { useErrand } from "./provider.ts";

/** Something to look at, of a job or a channel. */
export type Kind<View> = {
  name: string;
  /** Before anything is known, and on a server. */
  unknown: View;
  /** Of nothing to look at. */
  none: View;
  /** Returns what ends it. */
  watch(errand: Errand, subject: string, tell: (view: View) => void): () => void;
};

type Watch = { view: unknown; listeners: Set<() => void>; stop: () => void };

class Watches {
  private readonly going = new Map<string, Watch>();

  constructor(private readonly errand: Errand) {}

  view<View>(kind: Kind<View>, subject: string): View {
    const watch = this.going.get(keyOf(kind, subject));
    return watch ? (watch.view as View) : kind.unknown;
  }

  join<View>(kind: Kind<View>, subject: string, listener: () => void): () => void {
    const key = keyOf(kind, subject);
    const known = this.going.get(key);
    const watch = known ?? { view: kind.unknown, listeners: new Set(), stop: () => {} };
    watch.listeners.add(listener);
    if (!known) this.begin(key, watch, kind, subject);
    return () => {
      watch.listeners.delete(listener);
      // StrictMode leaves and joins in one go, and so does a component that takes another's place.
      queueMicrotask(() => this.endIfLeft(key, watch));
    };
  }

  private begin<View>(key: string, watch: Watch, kind: Kind<View>, subject: string): void {
    this.going.set(key, watch);
    watch.stop = kind.watch(this.errand, subject, (view) => {
      watch.view = view;
      for (const listener of watch.listeners) listener();
    });
  }

  private endIfLeft(key: string, watch: Watch): void {
    if (watch.listeners.size > 0 || this.going.get(key) !== watch) return;
    this.going.delete(key);
    watch.stop();
  }
}

const watchesOf = new WeakMap<Errand, Watches>();

function findWatches(errand: Errand): Watches {
  const watches = watchesOf.get(errand) ?? new Watches(errand);
  watchesOf.set(errand, watches);
  return watches;
}

function keyOf({ name }: { name: string }, subject: string): string {
  return `${name} ${subject}`;
}

const idle = () => () => {};

/** Null: nothing to look at, yet. */
export function useWatched<View>(kind: Kind<View>, subject: string | null): View {
  const watches = findWatches(useErrand());
  const join = useCallback(
    (listener: () => void) => (subject === null ? idle() : watches.join(kind, subject, listener)),
    [watches, kind, subject],
  );
  const look = () => (subject === null ? kind.none : watches.view(kind, subject));
  const lookOnServer = () => (subject === null ? kind.none : kind.unknown);
  return useSyncExternalStore(join, look, lookOnServer);
}
