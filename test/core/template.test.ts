// Templates are filled once, wherever in a value their variables stand.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fillTemplate, variablesOf } from "../../src/core/template";

describe("a template", () => {
  it("names its variables once each, in any string of a value", () => {
    const messages = [
      { role: "system", content: "For {{ name }} of {{city}}" },
      { role: "user", content: [{ type: "text", text: "{{name}}: {{first name}}" }] },
    ];
    expect(variablesOf(messages)).toEqual(["name", "city", "first name"]);
  });

  it("is filled everywhere, and nothing else of it changes", () => {
    const filled = fillTemplate(
      { a: ["{{x}} and {{ x }}", 5, null, true], b: { c: "{{y}}" } },
      (name) => `<${name}>`,
    );
    expect(filled).toEqual({ a: ["<x> and <x>", 5, null, true], b: { c: "<y>" } });
  });

  it.each(["{x}", "{{}}", "{{ {x} }}", "{{x", "x}}", "$&"])("takes %s for text", (text) => {
    expect(variablesOf(text)).toEqual([]);
    expect(fillTemplate(text, () => "no")).toBe(text);
  });

  it("does not fill what a value says in braces, nor take its signs for more than signs", () => {
    expect(fillTemplate("{{a}}{{b}}", (name) => (name === "a" ? "{{b}}" : "$&$1"))).toBe("{{b}}$&$1");
  });

  it("of any text keeps what stands between its variables", () => {
    const piece = fc
      .string({ unit: fc.constantFrom("a", " ", "{", "$", "\n") })
      .filter((text) => !text.includes("{{"));
    fc.assert(
      fc.property(piece, piece, fc.string(), (before, behind, value) => {
        const open = before.replace(/\{+$/, "");
        expect(fillTemplate(`${open}{{v}}${behind}`, () => value)).toBe(open + value + behind);
      }),
    );
  });
});
