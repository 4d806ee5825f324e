import { describe, expect, it } from "vitest";
import { LIMITS } from "../../../src/core/limits";
import { call, createKey, createProject, expectError, mint } from "../../support/http-client";
import { nextOffset, pathOf, readAll, stream } from "../../support/stream-client";

const producer = (seq: string, epoch = "0") => ({
  ...{ "producer-id": "p", "producer-epoch": epoch, "producer-seq": seq },
});
const json = { "content-type": "application/json" };

/** A body that comes in pieces and does not say how long it is. */
function inPieces(pieces: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      const piece = pieces.shift();
      if (piece) controller.enqueue(piece);
      else controller.close();
    },
  });
}

describe("a stream of another project", () => {
  it("is another one, even with the same name", async () => {
    const key = await createProject("neighbour");
    const ask = { key: await createKey("neighbour", ["streams:read", "streams:write"]) };
    await stream("PUT", "shared", { text: "ours" });
    expect((await stream("PUT", "shared", { ...ask, text: "theirs" })).status).toBe(201);
    await stream("POST", "shared", { text: " and ours" });
    expect((await stream("GET", "shared", ask)).text).toBe("theirs");
    await stream("DELETE", "shared", ask);
    expect((await stream("GET", "shared")).text).toBe("ours and ours");
    expectError(await stream("GET", "shared", { key }), "forbidden");
  });

  it("answers as one that does not exist, to whatever is asked of it", async () => {
    await createProject("stranger");
    const ask = { key: await createKey("stranger", ["streams:read", "streams:write"]) };
    await stream("PUT", "secret", { text: "ours" });
    const source = { "stream-forked-from": pathOf("secret") };
    const asked = async (name: string) => {
      const answers = [
        await stream("GET", name, ask),
        await stream("GET", name, { ...ask, query: "offset=-1&live=sse" }),
        await stream("HEAD", name, ask),
        await stream("POST", name, { ...ask, text: "x" }),
        await stream("DELETE", name, ask),
      ];
      return answers.map(({ status, text }) => [status, text.replace(/"request_id":"[^"]*"/, "")]);
    };
    expect(await asked("secret")).toEqual(await asked("missing"));
    expectError(await stream("PUT", "mine", { ...ask, headers: source }), "not_found");
  });
});

describe("a key", () => {
  it("needs the scope, which the answer names", async () => {
    await createProject("scoped");
    const reader = { key: await createKey("scoped", ["streams:read"]) };
    const writer = { key: await createKey("scoped", ["streams:write"]) };
    const jobs = { key: await createKey("scoped", ["jobs:read", "jobs:write"]) };
    await stream("PUT", "s", { ...writer, text: "x" });
    for (const method of ["PUT", "POST", "DELETE"]) {
      for (const ask of [reader, jobs]) {
        const error = expectError(await stream(method, "s", { ...ask, text: "x" }), "forbidden");
        expect(error.message).toContain("streams:write");
      }
    }
    for (const ask of [writer, jobs]) {
      expect(expectError(await stream("GET", "s", ask), "forbidden").message).toContain("streams:read");
    }
    expect((await stream("GET", "s", reader)).text).toBe("x");
  });

  it("is what streams are for: a browser token may neither read nor write them", async () => {
    const key = await mint({ channel: "c", allow: ["read", "submit"] });
    expectError(await stream("PUT", "token", { key }), "forbidden");
    expectError(await stream("GET", "token", { key }), "forbidden");
    const inAddress = await call("GET", `${pathOf("token")}?token=${key}`, { key: null });
    expectError(inAddress, "unauthorized");
  });
});

describe("a name", () => {
  it.each(["a", "chat/42/tokens", "user:7@eu.~-_", "A.b", "n".repeat(128)])("may be %j", async (name) => {
    expect((await stream("PUT", name, { text: name })).status).toBe(201);
    expect((await stream("GET", name)).text).toBe(name);
    expect((await stream("DELETE", name)).status).toBe(204);
  });

  it.each(["a b", "ä", "a?b", "a#b", "a\\b", "a\nb", "%", "a%2Fb", "n".repeat(129)])(
    "may not be %j",
    async (name) => {
      for (const method of ["PUT", "POST", "GET", "DELETE"]) {
        const text = method === "GET" || method === "DELETE" ? undefined : "x";
        const error = expectError(await stream(method, name, { text }), "invalid_request", "name");
        expect(error.message).toContain("1 to 128 letters, digits and . _ ~ : @ / -");
      }
    },
  );
});

describe("an error", () => {
  it.each<[string, string, Record<string, string>, string]>([
    ["PUT", "Stream-TTL", { "stream-ttl": "1.5" }, "whole seconds"],
    ["PUT", "Stream-TTL", { "stream-ttl": "9".repeat(20) }, String(LIMITS.streamTtlS)],
    ["PUT", "Stream-TTL", { "stream-ttl": "1", "stream-expires-at": "2027-01-31T12:00:00Z" }, "either"],
    ["PUT", "Stream-Expires-At", { "stream-expires-at": "tomorrow" }, "2027-01-31T12:00:00Z"],
    ["PUT", "Stream-Forked-From", { "stream-forked-from": "known" }, "/v1/streams/"],
    ["PUT", "Stream-Forked-From", { "stream-forked-from": "/v1/streams/%zz" }, "/v1/streams/"],
    ["PUT", "Stream-Fork-Offset", { "stream-fork-offset": "0_0" }, "goes with Stream-Forked-From"],
    ["PUT", "Stream-Fork-Sub-Offset", { "stream-fork-sub-offset": "1" }, "goes with Stream-Forked-From"],
    ["POST", "Producer-Id", { "producer-id": "p" }, "together"],
    ["POST", "Producer-Id", { ...producer("0"), "producer-id": "p".repeat(257) }, "256"],
    ["POST", "Producer-Epoch", producer("0", "-1"), "whole number"],
    ["POST", "Producer-Seq", producer("9007199254740992"), "9007199254740991"],
    ["POST", "Content-Type", { "content-type": "" }, "that of the stream"],
  ])("of %s names %s and what helps", async (method, param, headers, words) => {
    await stream("PUT", "known");
    const name = method === "PUT" ? "unborn" : "known";
    const error = expectError(await stream(method, name, { headers, text: "x" }), "invalid_request", param);
    expect(error.message).toContain(words);
  });

  it.each([
    ["live=websocket&offset=-1", "live", "long-poll"],
    ["live=sse", "offset", "-1, now"],
    ["offset=yesterday", "offset", "given out"],
    ["offset=-1&offset=now", "offset", "one"],
    ["offset=0000000000000000_0000000000000009", "offset", "given out"],
  ])("of reading with %s names the parameter", async (query, param, words) => {
    await stream("PUT", "known");
    const error = expectError(await stream("GET", "known", { query }), "invalid_request", param);
    expect(error.message).toContain(words);
  });

  it("of a producer that is out of order says which number is expected, and of one that was replaced why", async () => {
    await stream("PUT", "numbered");
    const post = (headers: Record<string, string>) => stream("POST", "numbered", { text: "x", headers });
    const gap = await post(producer("3"));
    expect(expectError(gap, "sequence_conflict", "Producer-Seq").message).toContain("expected 0");
    expect(gap.headers.get("producer-expected-seq")).toBe("0");
    await post(producer("0", "5"));
    expectError(await post(producer("1", "6")), "invalid_request", "Producer-Seq");
    const fenced = await post(producer("1", "4"));
    expect(expectError(fenced, "producer_fenced", "Producer-Epoch").message).toContain("newer epoch");
    expect(fenced.headers.get("producer-epoch")).toBe("5");
  });
});

describe("a body", () => {
  it("may come in any pieces", async () => {
    await stream("PUT", "pieces");
    const bytes = new TextEncoder().encode("Tee in 京都, 😀".repeat(1_000));
    const pieces = Array.from({ length: 50 }, (_, i) =>
      bytes.slice(i * 401, i === 49 ? undefined : (i + 1) * 401),
    );
    expect((await stream("POST", "pieces", { text: inPieces(pieces) })).status).toBe(204);
    expect((await readAll("pieces")).text).toBe("Tee in 京都, 😀".repeat(1_000));
  });

  it("above the limit is refused and leaves nothing, whether it says its length or not; one at the limit is taken", async () => {
    await stream("PUT", "large");
    const most = new Uint8Array(LIMITS.streamAppendBytes).fill(97);
    const more = () => inPieces([most.slice(), new Uint8Array(1)]);
    for (const text of [new Uint8Array(LIMITS.streamAppendBytes + 1), more()]) {
      expectError(await stream("POST", "large", { text }), "payload_too_large");
    }
    expectError(await stream("PUT", "too-large", { text: more() }), "payload_too_large");
    expectError(await stream("GET", "too-large"), "not_found");
    expect((await stream("POST", "large", { text: most })).status).toBe(204);
    expect((await readAll("large")).text.length).toBe(LIMITS.streamAppendBytes);
  });

  it("that is no JSON or no UTF-8 is refused by a JSON stream, and leaves nothing", async () => {
    await stream("PUT", "json", { headers: json });
    for (const text of ["{", "[1,]", new Uint8Array([0x22, 0xff, 0x22]), "[".repeat(65) + "]".repeat(65)]) {
      expectError(await stream("POST", "json", { headers: json, text }), "invalid_json");
    }
    expectError(await stream("POST", "json", { headers: json, text: "[]" }), "invalid_request", "body");
    expect((await stream("GET", "json")).text).toBe("[]");
  });
});

describe("a JSON stream", () => {
  it("gives back its messages with the digits they came with", async () => {
    await stream("PUT", "digits", { headers: json, text: "[1.0, [12345678901234567890]]" });
    await stream("POST", "digits", { headers: json, text: '{\r\n "n": 1e400 }' });
    expect((await stream("GET", "digits")).text).toBe('[1.0,[12345678901234567890],{  "n": 1e400 }]');
  });

  it("has no place within a message, neither for readers nor for forks", async () => {
    const long = JSON.stringify("m".repeat(1_500_000));
    const start = nextOffset(await stream("PUT", "whole", { headers: json }));
    await stream("POST", "whole", { headers: json, text: `[1,${long},3]` });
    for (const at of [1, 3, 1_000_000]) {
      const offset = start.slice(0, 17) + String(at).padStart(16, "0");
      expectError(await stream("GET", "whole", { query: `offset=${offset}` }), "invalid_request", "offset");
      const headers = { ...json, "stream-forked-from": pathOf("whole"), "stream-fork-offset": offset };
      expectError(await stream("PUT", "part", { headers }), "invalid_request", "Stream-Fork-Offset");
    }
    const headers = { ...json, "stream-forked-from": pathOf("whole"), "stream-fork-offset": start };
    await stream("PUT", "two", { headers: { ...headers, "stream-fork-sub-offset": "2" } });
    expect(JSON.parse((await readAll("two")).text.replace("][", ","))).toEqual([1, JSON.parse(long)]);
  });
});

describe("an append that a producer repeats", () => {
  it("is known to be written, even after the stream was closed by somebody else", async () => {
    await stream("PUT", "closing");
    const append = () => stream("POST", "closing", { text: "mine", headers: producer("0") });
    expect((await append()).status).toBe(200);
    await stream("POST", "closing", { headers: { "stream-closed": "true" } });
    const again = await append();
    expect(again.status).toBe(204);
    expect(again.headers.get("stream-closed")).toBe("true");
    const next = await stream("POST", "closing", { text: "more", headers: producer("1") });
    expectError(next, "stream_closed");
    expect((await readAll("closing")).text).toBe("mine");
  });
});
