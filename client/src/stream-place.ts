// Where a reader of a stream stands: behind an offset of the server's, and so many messages further.

/** `passed`: messages behind the offset that have been taken already. */
export type StreamPlace = { offset: string; passed: number };

export const START: StreamPlace = { offset: "-1", passed: 0 };

/** `0000_0042+3`: messages come in batches, and the server has an offset for the end of each. */
export function formatPlace({ offset, passed }: StreamPlace): string {
  return passed === 0 ? offset : `${offset}+${passed}`;
}

export function parsePlace(text: string): StreamPlace {
  const [, offset = text, passed = "0"] = /^(.*)\+(\d+)$/.exec(text) ?? [];
  return { offset, passed: Number(passed) };
}
