// Reads a body with a bound on its size.

import { AppError } from "../core/errors";
import type { HttpContext } from "./context";

/** Throws `payload_too_large`. */
export async function readBody(c: HttpContext, maxBytes: number): Promise<Blob> {
  const tooLarge = () =>
    new AppError("payload_too_large", { message: `The body is larger than ${maxBytes} bytes.` });
  if (Number(c.req.header("content-length") ?? 0) > maxBytes) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of c.req.raw.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return new Blob(chunks);
}
