// A hub's memory: the last publishes, one row each, in a ring of fixed size. Nothing is ever deleted, only overwritten.

import { type Cursor, formatCursor } from "../core/cursor";
import { isKept, type JobEvent } from "../core/events";

/** Publishes that are kept. A listener who was away for longer is told so (`reset`) and gets a snapshot. */
const SLOTS = 1_000;

/** An event with the place it has in the hub's history. */
export type PlacedEvent = { event: JobEvent; cursor: string };

/** Null: an event of a job that was erased. */
type Stored = JobEvent | null;

export class EventRing {
  private last: Cursor;

  constructor(private readonly sql: SqlStorage) {
    sql.exec(
      "CREATE TABLE IF NOT EXISTS ring (slot INTEGER PRIMARY KEY, seq INTEGER NOT NULL, events TEXT NOT NULL)",
    );
    const row = sql.exec<{ seq: number; events: string }>(
      "SELECT seq, events FROM ring ORDER BY seq DESC LIMIT 1",
    );
    const newest = row.toArray()[0];
    this.last = newest
      ? { seq: newest.seq, index: JSON.parse(newest.events).length - 1 }
      : { seq: 0, index: -1 };
  }

  /** The place of the newest event that is kept. */
  get cursor(): string {
    return formatCursor(this.last);
  }

  /** Writes the events worth keeping as one row. The others get the cursor of the one before them. */
  append(events: JobEvent[]): PlacedEvent[] {
    const kept = events.filter(isKept);
    const seq = this.last.seq + 1;
    let place = this.last;
    const placed = events.map((event) => {
      if (isKept(event)) place = place.seq === seq ? { seq, index: place.index + 1 } : { seq, index: 0 };
      return { event, cursor: formatCursor(place) };
    });
    if (kept.length > 0) {
      this.sql.exec("INSERT OR REPLACE INTO ring VALUES (?, ?, ?)", seq % SLOTS, seq, JSON.stringify(kept));
      this.last = place;
    }
    return placed;
  }

  /** Removes every event of these jobs. Their places stay, so that cursors do. */
  forget(jobIds: string[]): void {
    const forgotten = new Set(jobIds);
    const rows = this.sql.exec<{ slot: number; events: string }>("SELECT slot, events FROM ring").toArray();
    for (const { slot, events } of rows) {
      const kept = (JSON.parse(events) as Stored[]).map((event) =>
        event && forgotten.has(event.job_id) ? null : event,
      );
      const text = JSON.stringify(kept);
      if (text !== events) this.sql.exec("UPDATE ring SET events = ? WHERE slot = ?", text, slot);
    }
  }

  /** Every kept event after the cursor. Null: the ring does not reach back that far, or the cursor is not ours. */
  since(cursor: Cursor): PlacedEvent[] | null {
    const rows = this.sql
      .exec<{ seq: number; events: string }>(
        "SELECT seq, events FROM ring WHERE seq >= ? ORDER BY seq",
        cursor.seq,
      )
      .toArray();
    // The publish it stands in must still be there, because the rest of it may be what was missed.
    const first = rows[0];
    const atStart = cursor.seq === 0 && cursor.index === -1;
    if (atStart ? first && first.seq > 1 : first?.seq !== cursor.seq) return null;
    const placed = rows.flatMap(({ seq, events }) =>
      (JSON.parse(events) as Stored[]).map((event, index) => ({ seq, index, event })),
    );
    if (!atStart && !placed.some(({ seq, index }) => seq === cursor.seq && index === cursor.index))
      return null;
    return placed
      .filter(({ seq, index }) => seq > cursor.seq || index > cursor.index)
      .flatMap(({ event, ...place }) => (event ? [{ event, cursor: formatCursor(place) }] : []));
  }
}
