// The address of Errand as it was said.

import { WrongUsage } from "./command.ts";

export function checkAddress(url: string): void {
  if (/^https?:\/\/[^/]/.test(url) && URL.canParse(url)) return;
  throw new WrongUsage(
    `"${url}" is not an address.`,
    "Give one such as https://errand.example.workers.dev in ERRAND_URL or --url.",
  );
}
