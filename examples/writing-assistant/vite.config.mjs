// The page, and the backend beside it, in `npm run dev` as in `npm run preview`.
import { defineConfig } from "vite";
import { backend } from "./server.mjs";

const { ERRAND_URL, ERRAND_KEY, ERRAND_MODEL = "sandbox/chat!tps=20" } = process.env;
if (!ERRAND_URL || !ERRAND_KEY) {
  throw new Error("ERRAND_URL and ERRAND_KEY are not set. `npm run dev` of Errand prints both.");
}

export default defineConfig({
  plugins: [backend(ERRAND_URL, ERRAND_KEY)],
  // All that the page may know. The key is not among it.
  define: {
    ERRAND_URL: JSON.stringify(ERRAND_URL),
    ERRAND_MODEL: JSON.stringify(ERRAND_MODEL),
  },
});
