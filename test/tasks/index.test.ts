// The list of tasks, and what every task in it must keep to.

import { describe, expect, it } from "vitest";
import { z } from "zod";
import { findTask, tasks } from "../../src/tasks/index";

describe("the tasks", () => {
  it("are found by name, and by no other", () => {
    expect(findTask("generate")?.name).toBe("generate");
    expect(findTask("embed")?.kind).toBe("embedding");
    expect(findTask("toString")).toBeUndefined();
  });

  it("have names of their own", () => {
    expect(new Set(tasks.map(({ name }) => name)).size).toBe(tasks.length);
  });

  it.each(tasks.map((task) => [task.name, task] as const))(
    "%s: its schemas become JSON Schema",
    (_, task) => {
      const input = z.toJSONSchema(task.input, { io: "input" });
      expect(input).toMatchObject({ type: "object", additionalProperties: false });
      expect(z.toJSONSchema(task.output)).toMatchObject({ type: "object" });
    },
  );

  it.each(tasks.map((task) => [task.name, task] as const))(
    "%s: its defaults are within the bounds",
    (_, task) => {
      expect(task.defaults.timeout_s).toBeLessThanOrEqual(780);
      expect(task.defaults.max_attempts).toBeGreaterThan(0);
    },
  );
});
