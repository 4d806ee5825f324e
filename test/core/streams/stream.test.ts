import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Fork,
  isJson,
  isSame,
  isText,
  mediaType,
  type NewStream,
  type StreamConfig,
  shardOf,
  shardsOf,
} from "../../../src/core/streams/stream";

type There = StreamConfig & { fork: Fork | null };

const there: There = { contentType: "text/plain", ttlS: null, expiresAt: null, closed: false, fork: null };
const fork: Fork = { source: "p/a", at: { epoch: 3, at: 10 }, sub: 0 };

function same(of: Partial<There>, asked: Partial<NewStream>): boolean {
  const wanted = { contentType: "text/plain", ttlS: null, expiresAt: null, closed: false, fork: null };
  return isSame({ ...there, ...of }, { ...wanted, data: new Uint8Array(0), ...asked });
}

describe("creating a stream again", () => {
  it("finds the same one, whatever body comes along and however its type is spelled", () => {
    expect(same({}, {})).toBe(true);
    expect(same({}, { data: new Uint8Array([1]) })).toBe(true);
    expect(same({}, { contentType: "Text/Plain; charset=utf-8" })).toBe(true);
    expect(same({ contentType: "application/octet-stream" }, { contentType: null })).toBe(true);
    expect(same({ ttlS: 60 }, { ttlS: 60 })).toBe(true);
  });

  it.each<[string, Partial<There>, Partial<NewStream>]>([
    ["type", {}, { contentType: "text/html" }],
    ["type, left out", {}, { contentType: null }],
    ["time to live", { ttlS: 60 }, { ttlS: 61 }],
    ["time to live, left out", { ttlS: 60 }, {}],
    ["end", { expiresAt: "2027-01-01T00:00:00Z" }, { expiresAt: "2027-01-02T00:00:00Z" }],
    ["state", {}, { closed: true }],
    ["state", { closed: true }, {}],
    ["origin", { fork }, {}],
    ["origin", {}, { fork }],
  ])("finds another when it has another %s", (_what, of, asked) => {
    expect(same(of, asked)).toBe(false);
  });

  it("finds the same fork when source, place and part are the same; what is left out is as it was", () => {
    expect(same({ fork }, { fork })).toBe(true);
    expect(same({ fork }, { fork: { ...fork, at: null } })).toBe(true);
    expect(same({ fork }, { fork, contentType: null })).toBe(true);
    expect(same({ fork, ttlS: 60 }, { fork })).toBe(true);
    expect(same({ fork, ttlS: 60 }, { fork, ttlS: 61 })).toBe(false);
    expect(same({ fork }, { fork: { ...fork, source: "p/b" } })).toBe(false);
    expect(same({ fork }, { fork: { ...fork, at: { epoch: 3, at: 11 } } })).toBe(false);
    expect(same({ fork }, { fork: { ...fork, sub: 1 } })).toBe(false);
  });
});

describe("a content type", () => {
  it("is known by its media type", () => {
    expect(mediaType(" Application/JSON ; charset=utf-8")).toBe("application/json");
    expect(isJson("application/json;v=1")).toBe(true);
    expect(isJson("application/jsonl")).toBe(false);
    expect([isText("text/event-stream"), isText("application/json"), isText("image/png")]).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe("a stream's object", () => {
  const project = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/);
  const name = fc.stringMatching(/^[\w.~:@/-]{1,128}$/);

  it("is one of those of its project, and always the same", () => {
    fc.assert(
      fc.property(project, name, (id, stream) => {
        expect(shardsOf(id)).toContain(shardOf(`${id}/${stream}`));
        expect(shardOf(`${id}/${stream}`)).toBe(shardOf(`${id}/${stream}`));
      }),
    );
  });

  it("is shared by a sixteenth of a project's streams, and by no other project", () => {
    const shards = Array.from({ length: 1_600 }, (_, i) => shardOf(`acme/chat-${i}`));
    expect(new Set(shards)).toEqual(new Set(shardsOf("acme")));
    for (const [, streams] of Map.groupBy(shards, (shard) => shard)) expect(streams.length).toBeLessThan(200);
    expect(shardsOf("acme").filter((shard) => shardsOf("acme-2").includes(shard))).toEqual([]);
  });
});
