import { describe, expect, it } from "vitest";
import { z } from "zod";
import { fieldProblem } from "../../src/core/field-problems";

function problems(schema: z.ZodType, value: unknown) {
  return schema.safeParse(value).error?.issues.map((issue) => fieldProblem(issue)) ?? [];
}

describe("a problem of a field", () => {
  it("has the path of the field, with indices in brackets", () => {
    const schema = z.object({ list: z.array(z.object({ name: z.string() })) });
    const [problem] = problems(schema, { list: [{ name: "a" }, { name: 7 }] });
    expect(problem).toEqual({ param: "list[1].name", message: "expected string, received number" });
  });

  it("has the path of what was checked before it", () => {
    const issue = z.string().safeParse(1).error?.issues[0];
    expect(issue && fieldProblem(issue, ["jobs", 3, "input"]).param).toBe("jobs[3].input");
  });

  it("says that a value is missing where anything will do", () => {
    expect(problems(z.object({ input: z.unknown() }), {})).toEqual([
      { param: "input", message: "expected a value, but it is missing" },
    ]);
  });

  it("says nothing of NaN, which a query cannot hold", () => {
    expect(problems(z.object({ limit: z.coerce.number() }), { limit: "many" })).toEqual([
      { param: "limit", message: "expected number" },
    ]);
  });

  const union = z.object({ stop: z.union([z.string(), z.array(z.string().min(1)).min(1)]) });

  it("names all that was expected when no shape fits", () => {
    const [problem] = problems(union, { stop: 7 });
    expect(problem).toEqual({ param: "stop", message: "expected string or expected array, received number" });
  });

  it("looks into the shape that was meant", () => {
    const [problem] = problems(union, { stop: ["a", 7] });
    expect(problem).toEqual({ param: "stop[1]", message: "expected string, received number" });
  });

  it("names the kinds that there are", () => {
    const kinds = z.object({
      format: z.discriminatedUnion("type", [
        z.object({ type: z.literal("text") }),
        z.object({ type: z.literal("json") }),
      ]),
    });
    const [problem] = problems(kinds, { format: { type: "yaml" } });
    expect(problem?.param).toBe("format.type");
    expect(problem?.message).toMatch(/'text' \| 'json'/);
  });
});
