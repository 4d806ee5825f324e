// What may be told, where what is stored is sealed: hubs and streams store moves as they are told.

import { ERRORS, type ErrorCode } from "../core/errors";
import type { JobEvent } from "../core/events";
import type { Deps } from "../deps";

/** An error's message may quote a prompt: it is told in the words of the table, and the job itself has the message. */
export function toldOf<E extends JobEvent>(deps: Deps, event: E): E {
  if (!deps.vault.seals || !("error" in event) || event.error === null) return event;
  const { code, retryable } = event.error;
  const message = code in ERRORS ? ERRORS[code as ErrorCode].message : code;
  return { ...event, error: { code, message, retryable } };
}
