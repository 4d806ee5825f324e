// A place in a stream, as readers know it: opaque to them, in order as text, and valid for as long as the stream is there.

/**
 * `at`: bytes from the start. `epoch`: rises whenever bytes that readers may have seen were taken back; no two streams that
 * have one name after another share it.
 */
export type Place = { epoch: number; at: number };

const WIDTH = 16;
const OFFSET = /^(\d{16})_(\d{16})$/;

export function formatOffset({ epoch, at }: Place): string {
  return `${digits(epoch)}_${digits(at)}`;
}

/** Null: not one that a stream has given out. */
export function parseOffset(text: string): Place | null {
  const [, epoch, at] = OFFSET.exec(text) ?? [];
  return epoch === undefined || at === undefined ? null : { epoch: Number(epoch), at: Number(at) };
}

/**
 * Whether a stream of this epoch has given the place out: it, or one that it begins as a copy of, up to where that copy ends.
 * The first byte is the first byte of any.
 */
export function isGivenOut(place: Place, epoch: number, inherited: Place[]): boolean {
  if (place.epoch === epoch || (place.epoch === 0 && place.at === 0)) return true;
  return inherited.some((one) => one.epoch === place.epoch && place.at <= one.at);
}

function digits(value: number): string {
  return String(value).padStart(WIDTH, "0");
}
