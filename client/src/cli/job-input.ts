// The input of a job from where it was said to be: the command line, a file, or stdin.

import { type Host, type Said, WrongUsage } from "./command.ts";

export async function readJobInput(word: string | undefined, said: Said, host: Host): Promise<unknown> {
  if (word !== undefined && word !== "-")
    throw new WrongUsage(
      `"${word}" is too much for errand submit.`,
      "Give the input with --input, or - for stdin.",
    );
  const input = said.text("input");
  if (word === "-" && input !== undefined)
    throw new WrongUsage("There are two inputs: --input and -.", "Give one of them.");
  const source = word ?? input;
  const prompt = said.text("prompt");
  if (source === undefined && prompt === undefined)
    throw new WrongUsage("There is no input.", "Give --prompt or --input.");
  const read = source === undefined ? {} : await readJson(source, host);
  return prompt === undefined ? read : withPrompt(read, prompt);
}

async function readJson(source: string, host: Host): Promise<unknown> {
  const { name, text } = await readText(source, host);
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new WrongUsage(`${name} is not JSON: ${why}`, "For a text alone use --prompt.");
  }
}

async function readText(source: string, host: Host): Promise<{ name: string; text: string }> {
  if (source === "-") return { name: "stdin", text: await host.readInput() };
  if (!source.startsWith("@")) return { name: "--input", text: source };
  const path = source.slice(1);
  try {
    return { name: path, text: await host.readFile(path) };
  } catch (error) {
    throw new WrongUsage(`${path} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

function withPrompt(input: unknown, prompt: string): object {
  if (typeof input === "object" && input !== null && !Array.isArray(input)) return { ...input, prompt };
  throw new WrongUsage("--prompt goes with an --input that is an object only.", "Give one of them.");
}
