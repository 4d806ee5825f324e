import { describe, expect, it } from "vitest";
import { parse } from "../../client/src/cli/arguments";
import { WrongUsage } from "../../client/src/cli/command";
import { COMMANDS } from "../../client/src/cli/commands";
import { readFilter } from "../../client/src/cli/job-filter";

/** What would be run. */
function read(...args: string[]) {
  const parsed = parse(args, COMMANDS);
  if (parsed.wants !== "run") throw new Error(`it wants ${parsed.wants}`);
  return parsed;
}

/** What is said to a person who has mistyped. */
function refusal(...args: string[]): string {
  try {
    parse(args, COMMANDS);
  } catch (error) {
    if (error instanceof WrongUsage) return `${error.message} ${error.todo ?? ""}`;
    throw error;
  }
  throw new Error("it was understood");
}

describe("a command line", () => {
  it("is a command, its words and its options, in any order", () => {
    const { command, words, said } = read(
      "submit",
      "--channel",
      "c",
      "generate",
      "--prompt=a b",
      "--wait",
      "--json",
    );
    expect([command.name, words]).toEqual(["submit", ["generate"]]);
    expect([said.text("channel"), said.text("prompt"), said.flag("wait"), said.flag("json")]).toEqual([
      "c",
      "a b",
      true,
      true,
    ]);
    expect([said.text("lane"), said.flag("help"), said.texts("filter")]).toEqual([undefined, false, []]);
  });

  it("may begin with options of all commands", () => {
    const { command, said } = read("--url", "http://a.test", "--json", "stats");
    expect([command.name, said.text("url"), said.flag("json")]).toEqual(["stats", "http://a.test", true]);
  });

  it("may say - for stdin, as a word and as a value", () => {
    expect(read("submit", "generate", "-").words).toEqual(["generate", "-"]);
    expect(read("submit", "generate", "--input", "-").said.text("input")).toBe("-");
  });

  it("may say an option several times where that makes sense", () => {
    expect(read("cancel", "--filter", "task=a", "--filter", "tag=b").said.texts("filter")).toEqual([
      "task=a",
      "tag=b",
    ]);
  });

  it("asks for help with the word, the option, or nothing at all", () => {
    const wanted = [[], ["help"], ["--help"], ["help", "watch"], ["watch", "--help"], ["--version"]].map(
      (args) => {
        const parsed = parse(args, COMMANDS);
        return parsed.wants === "help" ? (parsed.command?.name ?? "all") : parsed.wants;
      },
    );
    expect(wanted).toEqual(["all", "all", "all", "watch", "watch", "version"]);
  });

  it.each([
    [
      ["sumbit"],
      'There is no command "sumbit". Use one of submit, watch, logs, retry, cancel, stats, keys, doctor',
    ],
    [["help", "nothing"], 'There is no command "nothing".'],
    [["stats", "--form", "x"], "Unknown option '--form'. See errand help stats."],
    [["submit", "generate", "--prompt"], "--prompt"],
    [["submit", "generate", "--wait=yes"], "does not take an argument"],
    [["submit"], "errand submit needs more than that. errand submit <task>"],
    [["logs", "a", "b"], '"b" is too much for errand logs. errand logs <job id>'],
    [["submit", "generate", "--lane", "fast"], '--lane cannot be "fast". Use interactive, default, bulk.'],
    [["keys", "create", "acme", "--scope", "root"], '--scope cannot be "root". Use jobs:read'],
  ])("that is wrong is refused with what to do: %j", (args, words) => {
    expect(refusal(...args)).toContain(words);
  });
});

describe("a filter", () => {
  const NAMES = ["state", "task", "tag"];

  it("is names and values, in one or several options", () => {
    const filter = { state: "failed", task: "generate", tag: "x" };
    expect(readFilter(["state=failed,task=generate,tag=x"], NAMES)).toEqual(filter);
    expect(readFilter(["state=failed", "task=generate", "tag=x"], NAMES)).toEqual(filter);
  });

  it("may have commas and equals signs in its values", () => {
    expect(readFilter(["tag=a,b=c,d", "task=x"], [...NAMES, "b"])).toEqual({ tag: "a", b: "c,d", task: "x" });
    expect(readFilter(["tag=a, b,1=2"], NAMES)).toEqual({ tag: "a, b,1=2" });
  });

  it.each([[""], ["state"], ["state="], ["stat=failed"], ["state=failed,tga=x"], ["state=a,state=b"]])(
    "that is wrong is never taken for a wider one: %j",
    (text) => {
      expect(() => readFilter([text], NAMES)).toThrow(WrongUsage);
    },
  );
});
