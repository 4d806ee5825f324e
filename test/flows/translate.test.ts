// Translations of long texts: the words change, the form does not.

import { describe, expect, it } from "vitest";
import { retry } from "../../src/engine/retry";
import type { Fetch } from "../../src/llm/fetch";
import type { TranslateOutput } from "../../src/tasks/translate/input";
import { eventStream, textChunk } from "../llm/fake-provider";
import { testDeps } from "../support/deps";
import { runRung } from "../support/families";
import { childrenOf, outputOf, prose, runLongText, storedFile } from "../support/long-texts";
import { theJob } from "../support/rows";

type Asked = { instructions: string; text: string };

/** A model that translates into capitals, code too, and is no better at blank lines than others. */
function shouter({ finish = "stop", fails = new Set<string>() } = {}) {
  const asked: Asked[] = [];
  const fetch: Fetch = async (_url, init) => {
    const { messages } = JSON.parse(String(init?.body)) as { messages: { content: string }[] };
    const [system, user] = messages.map(({ content }) => content);
    const text = user?.split("\n").slice(1, -1).join("\n") ?? "";
    if ([...fails].some((word) => text.includes(word))) return Response.json({}, { status: 400 });
    asked.push({ instructions: system ?? "", text });
    return eventStream([textChunk(`\n${text.toUpperCase()}\n\n`, finish), "[DONE]"]);
  };
  const provider = { name: "shouter", base_url: "https://shouter.test/v1", models: [] };
  return { deps: testDeps({ models: { providers: [provider] }, fetch, random: () => 0 }), asked };
}

const GERMAN = { model: "shouter/chat", target_language: "German", max_chunk_tokens: 100 };

const CODE = `\`\`\`ts\n${Array.from({ length: 60 }, (_, i) => `const value${i} = "text ${i}";`).join("\n\n")}\n\`\`\``;
const SMALL_CODE = "```sh\nnpm run dev -- --port 8787\n```";

const DOCUMENT = `\n\n# A title\n\n${prose(2_000).join("\n\n\n")}\n\n${SMALL_CODE}\n\n- an item\n  - and one below\n\n${CODE}\n\n---\n\n${prose(2_000, 2).join("\n\n")}   \n\n`;

describe("a translation", () => {
  it("changes the words and nothing else: blank lines, order and code are as they were", async () => {
    const { deps, asked } = shouter();
    const job = await runLongText(deps, "translate", { text: DOCUMENT, ...GERMAN });
    const output = await outputOf<TranslateOutput>(job);
    const expected = DOCUMENT.split(CODE)
      .map((part) =>
        part
          .split(SMALL_CODE)
          .map((words) => words.toUpperCase())
          .join(SMALL_CODE),
      )
      .join(CODE);
    expect(output.text).toBe(expected);
    expect(output).toMatchObject({ chunks: asked.length, model: "shouter/chat", source: { kind: "text" } });
    expect(asked.length).toBeGreaterThan(8);
  });

  it("does not send code that is larger than a piece, and sees to it that the model sees a small one", async () => {
    const { deps, asked } = shouter();
    await runLongText(deps, "translate", { text: DOCUMENT, ...GERMAN });
    const sent = asked.map(({ text }) => text).join("\n");
    expect(sent).not.toContain("value30");
    expect(sent).toContain("npm run dev");
  });

  it("of a text without a word is that text, and asks nobody", async () => {
    const { deps, asked } = shouter();
    const text = " 1 + 1 = 2\n\n---\n";
    const output = await outputOf<TranslateOutput>(await runLongText(deps, "translate", { text, ...GERMAN }));
    expect(output).toMatchObject({ text, chunks: 0, model: null });
    expect(asked).toEqual([]);
  });

  it("tells a piece the terms that stand in it, how to speak, and what else is wanted", async () => {
    const { deps, asked } = shouter();
    const glossary = { harbour: "Hafen", zeppelin: "Luftschiff" };
    const wishes = {
      glossary,
      formality: "informal",
      source_language: "English",
      instructions: "Swiss spelling.",
    };
    await runLongText(deps, "translate", { text: "The Harbour was quiet.", ...GERMAN, ...wishes });
    const [{ instructions } = { instructions: "" }] = asked;
    for (const part of ["- harbour: Hafen", "informally", "English", "German", "Swiss spelling."]) {
      expect(instructions).toContain(part);
    }
    expect(instructions).not.toContain("zeppelin");
  });

  it("of a text of several megabytes is whole, and is kept outside of the database", async () => {
    const { deps } = shouter();
    const text = prose(5_000_000).join("\n\n");
    const file_id = await storedFile(deps, new TextEncoder().encode(text), "long.txt", "text/plain");
    const job = await runLongText(deps, "translate", { file_id, ...GERMAN, max_chunk_tokens: 20_000 });
    // Its pieces are stored in several turns.
    expect(job.run).toBeGreaterThan(3);
    expect(job.outputKey).not.toBeNull();
    expect((await outputOf<TranslateOutput>(job)).text).toBe(text.toUpperCase());
  });

  it("fails with a piece that fails, and a retry sends only what has no answer", async () => {
    const fails = new Set(["and one below"]);
    const { deps, asked } = shouter({ fails });
    const job = await runLongText(deps, "translate", { text: DOCUMENT, ...GERMAN });
    expect(job).toMatchObject({ state: "failed", error: { code: "child_failed" } });
    fails.clear();
    await retry(deps, job);
    await runRung(deps);
    const output = await outputOf<TranslateOutput>(await theJob(job.id));
    expect(output.text.toLowerCase()).toBe(DOCUMENT.toLowerCase());
    expect(asked.length).toBe((await childrenOf(job.id)).length);
  });

  it("fails with clear words when the model ran out of room", async () => {
    const { deps } = shouter({ finish: "length" });
    const job = await runLongText(deps, "translate", { text: "The harbour was quiet.", ...GERMAN });
    expect(job).toMatchObject({ state: "failed", error: { code: "output_truncated" } });
    expect(job.error?.message).toContain("max_chunk_tokens");
  });
});
