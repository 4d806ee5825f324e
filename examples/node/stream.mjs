// Prints a text while it is written, from the first word on, and goes on by itself when the connection is lost.
import { Errand } from "errand";

const errand = new Errand({ baseUrl: process.env.ERRAND_URL, key: process.env.ERRAND_KEY });
const [topic = "the sea"] = process.argv.slice(2);

/** None: the default one of the deployment. */
const model = process.env.ERRAND_MODEL;

for await (const part of errand.generate({ prompt: `Write a short post about ${topic}.`, model })) {
  if (part.type === "text") process.stdout.write(part.text);
  // The model has broken off and starts over: a terminal cannot take back what it shows.
  if (part.type === "reset") process.stdout.write(`\n\n(Once more:)\n\n${part.text}`);
  if (part.type === "end")
    process.stdout.write(`\n\n${part.state}${part.error ? `: ${part.error.message}` : ""}\n`);
}
