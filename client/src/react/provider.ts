// The client that the hooks below it use.

import { createContext, createElement, type ReactElement, type ReactNode, useContext } from "react";
import type { Errand } from "../errand.ts";

const Context = createContext<Errand | null>(null);

export type ErrandProviderProps = {
  /** Made once, outside of components: hooks that use the same client share its connections. */
  client: Errand;
  children?: ReactNode;
};

export function ErrandProvider({ client, children }: ErrandProviderProps): ReactElement {
  return createElement(Context.Provider, { value: client }, children);
}

export function useErrand(): Errand {
  const client = useContext(Context);
  if (client === null)
    throw new TypeError("There is no <ErrandProvider client={errand}> above this component.");
  return client;
}
