// How it stands, with a dot in the colour of the state, and told to those who listen to the page.

import type { ReactNode } from "react";

export function Status({ className, children }: { className: string; children: ReactNode }) {
  return (
    <p role="status" className={`status ${className}`}>
      {children}
    </p>
  );
}
