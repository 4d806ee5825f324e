// What a reader shows of a job's stream: the words that count, whatever was taken back on the way.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addMessage, type LogMessage } from "../../../src/core/streams/job-log";
import { NOTHING_SAID, rollbackTo, type Said, saidAfter, saidIn } from "../../../src/core/streams/said";

const words = fc.string({ unit: "grapheme", maxLength: 6 });

const spoken: fc.Arbitrary<LogMessage> = fc.oneof(
  words.map((text): LogMessage => ({ type: "text", text })),
  words.map((text): LogMessage => ({ type: "reasoning", text })),
  fc.tuple(fc.nat({ max: 2 }), words).map(([nth, piece]) => callPiece(`call_${nth}`, `tool_${nth}`, piece)),
  fc.constant<LogMessage>({ type: "progress", done: 1, total: null, message: null }),
  fc.constant<LogMessage>({ type: "state", state: "pending", run: 1, attempt: 1, error: null }),
);

/** A run: what it says, and whether that stays when it leaves. */
const run = fc.record({ says: fc.array(spoken, { maxLength: 8 }), commits: fc.boolean() });

function callPiece(id: string, name: string, piece: string): LogMessage {
  return { type: "tool_call", id, name, arguments: piece };
}

/** The stream as it is written, and what of it counts. */
function written(runs: { says: LogMessage[]; commits: boolean }[]) {
  const log: LogMessage[] = [];
  let counts: LogMessage[] = [];
  for (const { says, commits } of runs) {
    log.push(...says);
    if (commits) counts = [...counts, ...says];
    else log.push(rollbackTo("0_0", saidIn(counts)));
  }
  return { log, counts };
}

describe("what was said", () => {
  it("with all that was taken back is what was said without it", () => {
    fc.assert(
      fc.property(fc.array(run, { maxLength: 6 }), (runs) => {
        const { log, counts } = written(runs);
        expect(saidIn(log)).toEqual(saidIn(counts));
      }),
      { numRuns: 500 },
    );
  });

  it("does not depend on where the pieces were cut, nor on where a reader goes on", () => {
    const cuts = fc.array(fc.nat({ max: 40 }), { maxLength: 5 });
    fc.assert(
      fc.property(cuts, fc.nat({ max: 12 }), (places, stop) => {
        const json = '{"city":"Lisbon","drink":"green tea"}';
        const edges = [
          0,
          ...places.map((at) => Math.min(at, json.length)).sort((a, b) => a - b),
          json.length,
        ];
        const pieces = edges.slice(1).map((end, i) => json.slice(edges[i], end));
        const log = pieces.flatMap((piece): LogMessage[] => [
          { type: "text", text: piece },
          callPiece("a", "order", piece),
          { type: "reasoning", text: piece },
        ]);
        const before = saidIn(log.slice(0, stop));
        const said = log.slice(stop).reduce(saidAfter, before);
        const call = { id: "a", name: "order", arguments: json };
        expect(said).toEqual({ text: json, reasoning: json, toolCalls: [call] });
      }),
    );
  });

  it("does not depend on what was joined before it was sent; words of one kind that follow one another are", () => {
    fc.assert(
      fc.property(fc.array(spoken, { maxLength: 20 }), (messages) => {
        const sent: LogMessage[] = [];
        for (const message of messages) addMessage(sent, message);
        expect(saidIn(sent)).toEqual(saidIn(messages));
      }),
    );
    const sent: LogMessage[] = [];
    for (const word of ["a", "b"]) addMessage(sent, { type: "reasoning", text: word });
    for (const id of ["a", "a", "b"]) addMessage(sent, callPiece(id, "brew", "{"));
    expect(sent).toEqual([
      { type: "reasoning", text: "ab" },
      callPiece("a", "brew", "{{"),
      callPiece("b", "brew", "{"),
    ]);
  });

  it("keeps calls in the order in which they began", () => {
    const log = [callPiece("b", "two", "{"), callPiece("a", "one", "{}"), callPiece("b", "two", "}")];
    expect(saidIn(log).toolCalls).toEqual([
      { id: "b", name: "two", arguments: "{}" },
      { id: "a", name: "one", arguments: "{}" },
    ]);
  });

  it("is nothing of steps, and of the end", () => {
    const log: LogMessage[] = [{ type: "end", state: "completed", error: null }];
    expect(saidIn(log)).toEqual(NOTHING_SAID);
  });
});

describe("a rollback", () => {
  it("says only what there is", () => {
    expect(rollbackTo("0_0", NOTHING_SAID)).toEqual({ type: "rollback", to: "0_0", text: "" });
    const said: Said = { text: "", reasoning: "Hm.", toolCalls: [{ id: "a", name: "b", arguments: "" }] };
    expect(Object.keys(rollbackTo("0_0", said))).toEqual(["type", "to", "text", "reasoning", "tool_calls"]);
  });
});
