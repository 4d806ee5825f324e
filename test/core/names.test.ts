import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatCursor, parseCursor } from "../../src/core/cursor";
import { AppError, ERRORS, type ErrorCode } from "../../src/core/errors";
import { hubName } from "../../src/core/hubs";
import { isJobId } from "../../src/core/ids";
import { anId } from "../support/factory";

describe("cursors", () => {
  it("come back as they were written", () => {
    const cursor = fc.record({ seq: fc.nat(999_999_999), index: fc.integer({ min: -1, max: 99_998 }) });
    fc.assert(
      fc.property(cursor, (one) => {
        expect(parseCursor(formatCursor(one))).toEqual(one);
      }),
    );
  });

  it("are written the same way as they are read", () => {
    expect(formatCursor({ seq: 0, index: -1 })).toBe("0.0");
    expect(formatCursor({ seq: 12, index: 3 })).toBe("12.4");
  });

  it.each([
    "",
    "1",
    "1.",
    ".1",
    "-1.0",
    "1.-1",
    "1.1.1",
    " 1.1",
    "1.1 ",
    "1e3.1",
    "a.b",
    `${"9".repeat(16)}.1`,
  ])("are not %j", (text) => {
    expect(parseCursor(text)).toBeNull();
  });
});

describe("hubName", () => {
  it("gives a channel a hub of its own, whatever the job", () => {
    expect(hubName("acme", "user-42", anId())).toBe("acme/channel/user-42");
    expect(hubName("acme", "user-42", anId())).toBe(hubName("acme", "user-42", anId()));
  });

  it("is the same for the same job every time, and for ever", () => {
    const id = "job_01KAM2T2Q5W4R0E8Z6S3N7Y9XB";
    expect(hubName("acme", null, id)).toBe("acme/jobs/13");
  });

  it("keeps projects apart, and channels from the hubs of jobs", () => {
    const id = anId();
    expect(hubName("a", null, id)).not.toBe(hubName("b", null, id));
    expect(hubName("a", "c", id)).not.toBe(hubName("b", "c", id));
    expect(hubName("a", "jobs/3", id)).not.toBe("a/jobs/3");
  });

  it("spreads jobs evenly over sixteen hubs, also those of one millisecond", () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 16_000; i++) {
      const name = hubName("acme", null, anId());
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    expect(counts.size).toBe(16);
    for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(250);
  });
});

describe("isJobId", () => {
  it("knows the ids that are made here", () => {
    for (let i = 0; i < 100; i++) expect(isJobId(anId())).toBe(true);
  });

  it.each([
    "",
    "job_",
    "job_01KAM2T2Q5W4R0E8Z6S3N7Y9X",
    "job_01KAM2T2Q5W4R0E8Z6S3N7Y9XBB",
    "job_01kam2t2q5w4r0e8z6s3n7y9xb",
    "job_01KAM2T2Q5W4R0E8Z6S3N7Y9XI",
    "key_01KAM2T2Q5W4R0E8Z6S3N7Y9XB",
    " job_01KAM2T2Q5W4R0E8Z6S3N7Y9XB",
    "job_01KAM2T2Q5W4R0E8Z6S3N7Y9XB\n",
  ])("does not take %j for one", (text) => {
    expect(isJobId(text)).toBe(false);
  });
});

describe("AppError", () => {
  it.each(Object.keys(ERRORS) as ErrorCode[])("%s has words, a type and a status", (code) => {
    const error = new AppError(code);
    expect(error).toMatchObject({
      code,
      status: ERRORS[code].status,
      type: ERRORS[code].type,
      name: "AppError",
    });
    expect(error.message).toMatch(/^[A-Z].*\.$/s);
    expect(error.status).toBeGreaterThanOrEqual(400);
    expect(error.status).toBeLessThan(600);
  });

  it("takes other words, and its own rule on retrying, where it is told to", () => {
    const error = new AppError("provider_error", {
      message: "no",
      retryable: false,
      param: "input",
      retryAfterMs: 5,
    });
    expect(error).toMatchObject({ message: "no", retryable: false, param: "input", retryAfterMs: 5 });
    expect(new AppError("provider_error")).toMatchObject({
      retryable: true,
      param: null,
      retryAfterMs: null,
    });
  });
});
