// The `provider_options` field: anything the provider takes, except what Errand itself decides.

import { z } from "zod";

/** `reserved`: fields that would change what the job is priced, limited or read as. */
export function providerOptions(reserved: string[]) {
  return z.record(z.string(), z.unknown()).superRefine((options, ctx) => {
    for (const name of reserved.filter((field) => field in options)) {
      ctx.addIssue({
        code: "custom",
        path: [name],
        message: `\`${name}\` cannot be set in provider_options`,
      });
    }
  });
}
