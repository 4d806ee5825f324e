// Tasks classify and moderate: against the sandbox, and against a provider that answers what it likes.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { classify } from "../../src/tasks/classify";
import { findTask } from "../../src/tasks/index";
import { moderate } from "../../src/tasks/moderate";
import { eventStream, textChunk } from "../llm/fake-provider";
import { inputProblems, runTask } from "./task-harness";

const says = (answer: unknown) => ({
  answer: () => eventStream([textChunk(JSON.stringify(answer), "stop"), "[DONE]"]),
});
const model = "acme/chat";

describe("classify", () => {
  const labels = ["refund", { name: "bug", description: "something does not work" }, "praise"];

  it("gives one of the labels, whatever they are", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.string({ minLength: 1, maxLength: 20 }), { minLength: 1 }),
        async (names) => {
          const { output } = await runTask(classify, "sandbox/chat", { text: "x", labels: names });
          expect(names).toContain(classify.output.parse(output).label);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("gives any number of them if that is wanted, each once and in their order", async () => {
    const many = { text: "x", labels, multiple: true };
    const told = await runTask(
      classify,
      model,
      many,
      says({ labels: ["praise", "refund", "praise"], confidence: 0.5 }),
    );
    expect(told.output).toEqual({ labels: ["refund", "praise"], confidence: 0.5, model });
    const none = await runTask(classify, model, many, says({ labels: [], confidence: 1 }));
    expect(none.output).toMatchObject({ labels: [] });
  });

  it.each([
    ["a label that is none", { label: "joy", confidence: 1 }],
    ["no label", { confidence: 1 }],
    ["a confidence above 1", { label: "bug", confidence: 80 }],
  ])("never takes %s: it is asked for again, and then the attempt fails", async (_, answer) => {
    const run = runTask(classify, model, { text: "x", labels }, says(answer));
    await expect(run).rejects.toMatchObject({ code: "output_invalid" });
  });

  it("tells the model what the labels mean, and holds it to them", async () => {
    const { sent } = await runTask(
      classify,
      model,
      { text: "x", labels },
      says({ label: "bug", confidence: 1 }),
    );
    const [body] = sent as [{ messages: { content: string }[]; response_format: { json_schema: object } }];
    expect(body.messages[0]?.content).toContain("- refund\n- bug: something does not work\n- praise");
    expect(body.response_format.json_schema).toMatchObject({
      strict: true,
      schema: {
        properties: { label: { enum: ["refund", "bug", "praise"] } },
        required: ["label", "confidence"],
        additionalProperties: false,
      },
    });
  });

  it.each<[string, unknown, RegExp]>([
    ["no labels", { text: "a", labels: [] }, /^labels: /],
    [
      "a label twice",
      { text: "a", labels: ["a", { name: "a", description: "b" }] },
      /^labels: expected each name once/,
    ],
    ["no text", { text: "", labels: ["a"] }, /^text: /],
  ])("is refused with %s", (_, input, problem) => {
    const problems = inputProblems(findTask("classify") ?? classify, input);
    expect(problems).toEqual([expect.stringMatching(problem)]);
  });
});

describe("moderate", () => {
  it("says of each category whether the text falls under it, and flags it if it does under any", async () => {
    const found = await runTask(moderate, model, { text: "x" }, says({ categories: ["sexual/minors"] }));
    const { flagged, categories } = moderate.output.parse(found.output);
    expect(flagged).toBe(true);
    expect(Object.keys(categories)).toContain("self-harm");
    expect(Object.entries(categories).filter(([, is]) => is)).toEqual([["sexual/minors", true]]);
    const clean = moderate.output.parse(
      (await runTask(moderate, model, { text: "x" }, says({ categories: [] }))).output,
    );
    expect([clean.flagged, new Set(Object.values(clean.categories))]).toEqual([false, new Set([false])]);
  });

  it("takes categories of your own instead", async () => {
    const input = { text: "x", categories: ["spam", { name: "off topic", description: "not about tea" }] };
    const { output, sent } = await runTask(moderate, model, input, says({ categories: ["off topic"] }));
    expect(output).toEqual({ flagged: true, categories: { spam: false, "off topic": true }, model });
    expect(JSON.stringify(sent)).toContain("- off topic: not about tea");
    const wrong = runTask(moderate, model, input, says({ categories: ["hate"] }));
    await expect(wrong).rejects.toMatchObject({ code: "output_invalid" });
  });

  it("works with the sandbox", async () => {
    const { output } = await runTask(moderate, "sandbox/chat", { text: "x" });
    expect(moderate.output.parse(output).flagged).toBe(true);
  });

  it.each(["__proto__", "", "a.b", "x".repeat(65)])("refuses a category called %j", (name) => {
    expect(inputProblems(findTask("moderate") ?? moderate, { text: "a", categories: [name] })).toHaveLength(
      1,
    );
  });
});
