// Short text that may stand in ids, headers and database columns.

import { z } from "@hono/zod-openapi";

// Control characters, NUL among them, and halves of surrogate pairs: no name needs them, and each breaks something.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL = /[\u0000-\u001f\u007f]/;

/** 1 to `max` characters of well-formed Unicode without control characters. */
export function plainText(max: number) {
  return z
    .string()
    .min(1)
    .max(max)
    .refine((text) => !CONTROL.test(text) && text.isWellFormed(), {
      message: "expected text without control characters or lone surrogates",
    });
}
