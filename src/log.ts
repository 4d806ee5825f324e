// One JSON line an event. Names and numbers only: never a prompt, an output or a key.

type Field = string | number | boolean | null | undefined;

export type Log = (event: string, fields?: Record<string, Field>) => void;

export const log: Log = (event, fields = {}) => {
  console.log(JSON.stringify({ event, ...fields }));
};

/** An error as a field: its name and message, without a stack, cut to 300 characters. */
export function errorField(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.slice(0, 300);
}
