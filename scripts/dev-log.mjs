// Makes wrangler's output readable: drops its tables and hints, keeps the Worker's lines and every error.
import { plain } from "./terminal.mjs";

const NOISE = [
  /^\s*$/,
  /^Using secrets defined in /,
  /^Your Worker has access to the following bindings/,
  /^Binding\s+Resource\s+Mode/,
  /^env\.\w+ \(/,
  /^⎔ /,
  /^Cloudflare collects anonymous telemetry/,
  /^🪵 /u,
  /^\[wrangler:info\] Ready on /,
  /^\[wrangler:info\] GET \/health 200 /,
  // Cron never fires locally; the Clock object does the work.
  /Scheduled Workers are not automatically triggered/,
  /^\s+To manually trigger a scheduled event/,
  /^\s+curl "http\S+\/cdn-cgi\//,
  /^\s+For more details, see .*cron-triggers/,
];

/** The line to show, or undefined when it says nothing. */
export function tidyLine(line) {
  const text = plain(line);
  if (NOISE.some((pattern) => pattern.test(text))) return undefined;
  const shown = process.stdout.isTTY ? line : text;
  return shown.replace(/^\[wrangler:(info|error)\] /, "");
}

export function isReadyLine(line) {
  return /Ready on http/.test(plain(line));
}
