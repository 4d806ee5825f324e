// Starts the page: one client for all of it, made outside of components.

import { Errand } from "errand";
import { ErrandProvider } from "errand/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";

declare const ERRAND_URL: string;

async function getToken(): Promise<string> {
  const response = await fetch("/token", { method: "POST" });
  if (!response.ok) throw new Error(await response.text());
  return response.text();
}

const errand = new Errand({ baseUrl: ERRAND_URL, getToken });

createRoot(document.getElementById("app") as HTMLElement).render(
  <StrictMode>
    <ErrandProvider client={errand}>
      <App />
    </ErrandProvider>
  </StrictMode>,
);
