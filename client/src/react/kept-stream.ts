// What was read of a stream, kept for as long as the tab is open, so that a page that is loaded again goes on where it was.

/** What this file needs of `sessionStorage`. */
type Store = { getItem(key: string): string | null; setItem(key: string, value: string): void };

/** A text, and the offset behind it: never one without the other. */
export type Kept<View> = { offset: string; view: View };

export function recall<View extends { text: string }>(id: string): Kept<View> | null {
  try {
    const kept = JSON.parse(store()?.getItem(keyOf(id)) ?? "null") as Kept<View> | null;
    return typeof kept?.offset === "string" && typeof kept.view.text === "string" ? kept : null;
  } catch {
    return null;
  }
}

export function keep<View>(id: string, kept: Kept<View>): void {
  try {
    store()?.setItem(keyOf(id), JSON.stringify(kept));
  } catch {
    // It is full: a page that is loaded again reads what it would have had from here.
  }
}

/** Where it is not allowed, looking at it throws. */
function store(): Store | undefined {
  return (globalThis as { sessionStorage?: Store }).sessionStorage;
}

function keyOf(id: string): string {
  return `errand/stream/${id}`;
}
