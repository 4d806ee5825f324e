// Task embed, against the sandbox.

import { describe, expect, it } from "vitest";
import { embed } from "../../src/tasks/embed";
import { findTask } from "../../src/tasks/index";
import { inputProblems, runTask } from "./task-harness";

const task = findTask("embed");

describe("embed", () => {
  it("gives one vector per text, in order, and reports progress", async () => {
    const { output, progress, usages } = await runTask(embed, "sandbox/embedding", {
      input: ["one", "two", "one"],
      dimensions: 8,
    });
    expect(output).toMatchObject({ dimensions: 8, model: "sandbox/embedding" });
    const { embeddings } = embed.output.parse(output);
    expect(embeddings).toHaveLength(3);
    expect(embeddings[0]).toEqual(embeddings[2]);
    expect(embeddings[0]).not.toEqual(embeddings[1]);
    expect(progress).toEqual([[3, 3]]);
    expect(usages).toHaveLength(1);
  });

  it("takes a single text as a list of one", async () => {
    const { output } = await runTask(embed, "sandbox/embedding", { input: "one" });
    const { embeddings, dimensions } = embed.output.parse(output);
    expect([embeddings.length, dimensions]).toEqual([1, 256]);
  });

  it.each<[string, unknown]>([
    ["no texts", { input: [] }],
    ["an empty text", { input: "" }],
    ["an empty text among others", { input: ["a", ""] }],
    ["more texts than a corpus may have", { input: Array(100_001).fill("a") }],
    ["neither texts nor a file", {}],
    ["texts and a file", { input: "a", file_id: "file_1" }],
    ["an encoding of a corpus", { file_id: "file_1", encoding: "base64" }],
    ["an unknown field", { input: "a", encoding_format: "base64" }],
    ["another encoding among the options", { input: "a", provider_options: { encoding_format: "base64" } }],
    ["no dimensions", { input: "a", dimensions: 0 }],
  ])("refuses %s", (_, input) => {
    expect(task && inputProblems(task, input)).toHaveLength(1);
  });
});
