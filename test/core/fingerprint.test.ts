import { describe, expect, it } from "vitest";
import { fingerprintOf } from "../../src/core/fingerprint";

const of = (message: string, code = "provider_error", task = "generate") =>
  fingerprintOf(task, { code, message });

describe("fingerprintOf", () => {
  it.each([
    ["numbers", "Rate limit of 500 reached, try in 12.5s", "Rate limit of 10000 reached, try in 3s"],
    ["ids", "No model ft-8a7b-1 for org_99xyz", "No model ft-0c1d-2 for org_12abc"],
    ["quoted text", 'Invalid value: "a prompt"', 'Invalid value: "another one"'],
    ["letters' case and blanks", "Upstream  Timeout", "upstream timeout"],
    ["what comes after 200 characters", `${"a b ".repeat(60)}x`, `${"a b ".repeat(60)}y`],
  ])("is the same for messages that differ in %s only", (_what, one, other) => {
    expect(of(one)).toBe(of(other));
  });

  it("differs for another message, code or task", () => {
    const all = [of("no"), of("yes"), of("no", "timeout"), of("no", "provider_error", "embed")];
    expect(new Set(all).size).toBe(4);
  });

  it("is 16 hex digits, whatever the message", () => {
    for (const message of ["", "\u0000", "x".repeat(10_000), '"', "日本"])
      expect(of(message)).toMatch(/^[0-9a-f]{16}$/);
  });
});
