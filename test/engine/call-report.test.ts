// What the gate is told of a run.

import { describe, expect, it } from "vitest";
import { AppError, ERRORS, type ErrorCode } from "../../src/core/errors";
import { again, done } from "../../src/core/outcome";
import { NO_USAGE } from "../../src/core/usage";
import { reportOf } from "../../src/engine/call-report";
import type { RunEnd } from "../../src/engine/settle";

const usage = { input_tokens: 10, output_tokens: 20, cached_tokens: 0, reasoning_tokens: 0, cost_usd: 0 };
const announced = { at: 1, requests: { limit: 5, remaining: 4, resetMs: 1_000 }, tokens: null };
const well: Pick<RunEnd, "result" | "usage"> = { result: { ok: true, outcome: done(1) }, usage };
const failed = (code: ErrorCode, retryAfterMs?: number): Pick<RunEnd, "result" | "usage"> => ({
  result: { ok: false, error: new AppError(code, { retryAfterMs }), partial: null },
  usage: NO_USAGE,
});
const one = { sent: 1, announced: null };

describe("the report of a run", () => {
  it("that went well has what was used, and what the provider announced last", () => {
    expect(reportOf(well, { sent: 2, announced })).toEqual({
      ...{ outcome: "ok", sent: true, inputTokens: 10, outputTokens: 20, retryAfterMs: null, announced },
    });
  });

  it("that goes on in another turn went well", () => {
    expect(reportOf({ ...well, result: { ok: true, outcome: again(1) } }, one).outcome).toBe("ok");
  });

  it("that nobody has counted leaves the estimate as it is", () => {
    const guessed = reportOf({ ...well, usage: { ...usage, estimated: true } }, one);
    expect([guessed.inputTokens, guessed.outputTokens]).toEqual([null, null]);
    expect(reportOf({ ...well, usage: null }, one).inputTokens).toBeNull();
  });

  it("that was refused has used nothing, which is known", () => {
    const report = reportOf(failed("provider_rate_limited", 3_000), one);
    expect(report).toMatchObject({ outcome: "rate_limited", inputTokens: 0, retryAfterMs: 3_000 });
  });

  it("that sent nothing says so", () => {
    expect(reportOf({ ...failed("cancelled"), usage: null }, { sent: 0, announced: null })).toMatchObject({
      ...{ outcome: "other", sent: false, inputTokens: null },
    });
  });

  const down = ["provider_error", "provider_unreachable", "provider_timeout", "stream_cut"];
  it.each(Object.keys(ERRORS) as ErrorCode[])("with %s is rated by whose fault it is", (code) => {
    const expected =
      code === "provider_rate_limited" ? code.slice(9) : down.includes(code) ? "down" : "other";
    expect(reportOf(failed(code), one).outcome).toBe(expected);
  });

  it("does not pass on a wait that is ours", () => {
    expect(reportOf(failed("gate_wait", 9_000), one).retryAfterMs).toBeNull();
    expect(reportOf(failed("store_unavailable", 9_000), one).retryAfterMs).toBeNull();
  });
});
