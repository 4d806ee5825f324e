// What the person has made of a post. Kept in this browser; an app of yours keeps it in its database.

import { useCallback, useMemo, useSyncExternalStore } from "react";

export type Draft = { text: string; publishedAt: string | null };

const CHANGED = "draft";

/** Null: it is as the model has written it. */
export function useDraft(id: string): [Draft | null, (draft: Draft) => void] {
  const key = `draft/${id}`;
  const kept = useSyncExternalStore(listen, () => localStorage.getItem(key));
  const draft = useMemo(() => (kept === null ? null : (JSON.parse(kept) as Draft)), [kept]);
  const keep = useCallback(
    (draft: Draft) => {
      localStorage.setItem(key, JSON.stringify(draft));
      dispatchEvent(new Event(CHANGED));
    },
    [key],
  );
  return [draft, keep];
}

function listen(tell: () => void): () => void {
  // A browser tells of a change only the other tabs.
  for (const event of ["storage", CHANGED]) addEventListener(event, tell);
  return () => {
    for (const event of ["storage", CHANGED]) removeEventListener(event, tell);
  };
}
