// The sandbox model that keeps the sentences with a certain word.

import { expect, it } from "vitest";
import { sandbox, user } from "./sandbox-harness";

const keep = async (prompt: string) =>
  (await sandbox().chat({ keep: "LAMP" }, { messages: user(prompt) })).text;

it("keep: answers with the sentences that have the word, one a line, and with nothing else", async () => {
  expect(await keep("It was late. The LAMP burned. Nobody came.\n\nA second LAMP? Yes.")).toBe(
    "The LAMP burned.\nA second LAMP?",
  );
  expect(await keep("Nothing of the kind.")).toBe("");
});

it("keep: gives each sentence the number of its passage, or leaves it the numbers that it has", async () => {
  expect(await keep("[1] It was late.\nThe LAMP burned. Dark.\n\n[2] LAMP two")).toBe(
    "The LAMP burned [1].\nLAMP two [2]",
  );
  expect(await keep("The LAMP burned [4][5]. LAMP two [6].")).toBe("The LAMP burned [4][5].\nLAMP two [6].");
});

it("keep: says a sentence once", async () => {
  expect(await keep("The LAMP burned.\nThe LAMP burned.")).toBe("The LAMP burned.");
});

it("keep: can stand in the model's name", async () => {
  const { text } = await sandbox().chat(
    {},
    { model: "sandbox/chat!keep=LAMP", messages: user("A LAMP. A boat.") },
  );
  expect(text).toBe("A LAMP.");
});
