// Watched jobs on the screen: a table that is kept up to date where there is a terminal, else a line for each change.

import type { JobBoard, Watched } from "./job-board.ts";
import { drawJobs, tellChange } from "./job-table.ts";
import { LiveArea } from "./live-area.ts";
import type { Screen } from "./screen.ts";
import { cut } from "./width.ts";

export interface JobView {
  /** Something was shown. */
  readonly hasBegun: boolean;
  show(changed: Watched[]): void;
  close(): void;
}

export function openView(screen: Screen, board: JobBoard): JobView {
  return screen.out.isTty && !screen.isJson ? new Table(screen, board) : new Lines(screen);
}

class Lines implements JobView {
  hasBegun = false;

  constructor(private readonly screen: Screen) {}

  show(changed: Watched[]): void {
    this.hasBegun = true;
    for (const job of changed) {
      if (this.screen.isJson) this.screen.printJson(job);
      else this.screen.print(cut(tellChange(job), this.screen.width));
    }
  }

  close(): void {}
}

const REDRAW_MS = 100;
/** Ages rise although nothing happens. */
const TICK_MS = 1_000;

class Table implements JobView {
  hasBegun = false;
  private readonly area: LiveArea;
  private readonly ticking: ReturnType<typeof setInterval>;
  private redrawing: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly screen: Screen,
    private readonly board: JobBoard,
  ) {
    this.area = new LiveArea(screen.out);
    this.ticking = setInterval(() => this.draw(), TICK_MS);
  }

  /** Not for each of a hundred changes. */
  show(): void {
    this.hasBegun = true;
    this.redrawing ??= setTimeout(() => this.draw(), REDRAW_MS);
  }

  close(): void {
    if (this.hasBegun) this.draw();
    clearInterval(this.ticking);
    this.area.close();
  }

  private draw(): void {
    if (this.redrawing) clearTimeout(this.redrawing);
    this.redrawing = null;
    if (!this.hasBegun) return;
    const { screen, board } = this;
    const paint = screen.paint.bind(screen);
    const size = { width: screen.width, rows: screen.out.rows() };
    this.area.draw(
      board.jobs.length === 0
        ? [cut("No jobs yet.", screen.width)]
        : drawJobs(board.jobs, { ...size, now: Date.now(), paint }),
    );
  }
}
