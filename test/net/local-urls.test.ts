import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { type Env, readConfig } from "../../src/env";

const read = (LOCAL_URLS?: string) => readConfig({ ...(env as Env), LOCAL_URLS }).localUrls;

describe("LOCAL_URLS", () => {
  it("lets local addresses through only when it is on", () => {
    expect([read("on"), read("off"), read(""), read()]).toEqual([true, false, false, false]);
  });

  it("is refused when it is anything else", () => {
    expect(() => read("true")).toThrow('LOCAL_URLS: expected "on" or "off", got "true".');
  });
});
