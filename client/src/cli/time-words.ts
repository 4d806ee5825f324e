// Times as a person reads them: how long, and when.

const UNITS: [string, number][] = [
  ["d", 86_400],
  ["h", 3_600],
  ["m", 60],
  ["s", 1],
];

/** In the largest unit of which it has at least one: `45s`, `12m`, `3h`, `9d`. */
export function tellAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? (["s", 1] as const);
  return `${Math.floor(seconds / size)}${unit}`;
}

/** Between two instants, with a tenth of a second where that matters. */
export function tellSpan(from: string, to: string): string {
  const ms = Math.max(0, Date.parse(to) - Date.parse(from));
  return ms < 60_000 ? `${(ms / 1_000).toFixed(1)}s` : tellAge(ms);
}

/** To the second: `2026-01-31 12:00:00 UTC`. */
export function tellInstant(instant: string): string {
  return `${instant.slice(0, 19).replace("T", " ")} UTC`;
}
