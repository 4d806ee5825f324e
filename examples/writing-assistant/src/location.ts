// What the browser itself knows: which post is open, and whether there is a network.

import { useSyncExternalStore } from "react";

const listenTo =
  (...events: string[]) =>
  (tell: () => void) => {
    for (const event of events) addEventListener(event, tell);
    return () => {
      for (const event of events) removeEventListener(event, tell);
    };
  };

const toAddress = listenTo("hashchange");
const toNetwork = listenTo("online", "offline");

/** The job behind the `#` of the address, so that a reload, a link and the back button lead to the same post; or "". */
export const useOpenPost = () =>
  useSyncExternalStore(toAddress, () => /^#(job_\w+)$/.exec(location.hash)?.[1] ?? "");

export const useIsOnline = () => useSyncExternalStore(toNetwork, () => navigator.onLine);
