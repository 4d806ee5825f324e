import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toLines, toMessages } from "../../src/core/streams/json-lines";
import { toBody, toPayload } from "../../src/core/streams/payload";

const encode = (text: string) => new TextEncoder().encode(text);

describe("a payload", () => {
  it("is text that gives back the bytes of any stream but a JSON one", () => {
    const type = fc.constantFrom("text/plain", "application/octet-stream", "image/png", "text/html;v=1");
    fc.assert(
      fc.property(type, fc.uint8Array({ maxLength: 300 }), (contentType, data) => {
        const payload = toPayload(contentType, data);
        expect(JSON.parse(payload)).toBeTypeOf("string");
        expect(toBody(contentType, payload)).toEqual(data);
      }),
    );
  });

  it("of a JSON stream is the array of its messages, as they are spelled", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (values) => {
        const lines = toLines(toMessages(JSON.stringify(values)));
        const payload = toPayload("application/json", encode(lines));
        expect(toBody("application/json", payload)).toBe(JSON.stringify(values));
      }),
    );
    expect(toPayload("application/json", encode("1.0\n1e400\n"))).toBe("[1.0,1e400]");
    expect(toPayload("application/json", new Uint8Array(0))).toBe("[]");
  });
});
