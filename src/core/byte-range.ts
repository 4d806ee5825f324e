// The header Range: which bytes of a file are asked for.

/** From `from` up to, and without, `to`. */
export type ByteRange = { from: number; to: number };

/**
 * The bytes of a file of this size. Null: all of them, also for what is no single range of bytes (RFC 9110 lets a server
 * ignore those). "none": the file has none of what is asked for.
 */
export function parseRange(header: string, size: number): ByteRange | "none" | null {
  const match = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(header);
  const [, first = "", last = ""] = match ?? [];
  if (first === "" && last === "") return null;
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? "none" : { from: size - length, to: size };
  }
  const from = Number(first);
  if (last !== "" && Number(last) < from) return null;
  if (from >= size) return "none";
  return { from, to: last === "" ? size : Math.min(Number(last) + 1, size) };
}
