// Who asks: a key, a token, or a function that gives a token whenever one is needed.

import { ConnectionError } from "./errors.ts";

export type GetToken = () => string | Promise<string>;

/** A stock of one key or token. */
export interface Credential {
  /** Keys go into headers only, never into an address: addresses end up in logs. */
  readonly isKey: boolean;
  /** The one to use now. */
  current(): Promise<string>;
  /** Another one, after `refused` was not taken; null: there is none. */
  renewed(refused: string): Promise<string | null>;
}

export function fixed(credential: string, isKey: boolean): Credential {
  return { isKey, current: async () => credential, renewed: async () => null };
}

/** Asks at the first need, when the token says itself that it has expired, and when it is refused. */
export function renewable(getToken: GetToken): Credential {
  let known: string | undefined;
  let asking: Promise<string> | undefined;

  // Calls that need a token at the same time share one.
  function ask(): Promise<string> {
    asking ??= obtain(getToken)
      .then((token) => {
        known = token;
        return token;
      })
      .finally(() => {
        asking = undefined;
      });
    return asking;
  }

  return {
    isKey: false,
    current: async () => (known === undefined || isExpired(known) ? ask() : known),
    async renewed(refused) {
      const token = known === refused || known === undefined ? await ask() : known;
      return token === refused ? null : token;
    },
  };
}

/** Whoever is offline has no token either: its loss passes like that of a connection. */
async function obtain(getToken: GetToken): Promise<string> {
  let token: unknown;
  try {
    token = await getToken();
  } catch (error) {
    throw new ConnectionError(
      `getToken has failed: ${error instanceof Error ? error.message : error}`,
      error,
    );
  }
  if (typeof token === "string" && token !== "") return token;
  throw new TypeError("getToken must return a token: the `token` of the answer to POST /v1/tokens.");
}

/** A WebSocket does not tell why it was refused, so that an expired token is better not tried. */
function isExpired(token: string): boolean {
  try {
    const claims = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    return (JSON.parse(atob(claims)) as { exp: number }).exp * 1_000 <= Date.now();
  } catch {
    return false;
  }
}
