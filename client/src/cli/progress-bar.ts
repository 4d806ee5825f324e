// How far a job is, as a bar of any width.

import type { Progress } from "../wire.ts";
import { clean, cut } from "./width.ts";

const WIDEST = 24;
const NARROWEST = 8;

/** A bar and the percentage; where there is no room for a bar the percentage; without a total, the count. */
export function drawProgress(progress: Progress | null, width: number): string {
  if (!progress) return "";
  const share = shareOf(progress);
  if (share === null) return cut(clean(tellCount(progress)), width);
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  if (width < NARROWEST) return cut(percent.trim(), width);
  const cells = Math.min(width, WIDEST) - percent.length - 1;
  const full = Math.floor(share * cells);
  return `${"█".repeat(full)}${"░".repeat(cells - full)} ${percent}`;
}

/** The same in words, for lines that nobody draws over. */
export function tellProgress(progress: Progress): string {
  const { done, total, message } = progress;
  return total === null ? tellCount(progress) : clean(`${done}/${total}${message ? ` ${message}` : ""}`);
}

function tellCount({ done, message }: Progress): string {
  return clean(message ? `${done} ${message}` : String(done));
}

/** From 0 to 1, whatever a task has said. */
function shareOf({ done, total }: Progress): number | null {
  if (total === null || !(total > 0) || !Number.isFinite(done)) return null;
  return Math.min(1, Math.max(0, done / total));
}
