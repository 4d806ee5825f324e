// Each path takes its own methods and HEAD for GET, and says which when it is asked with another.

import { beforeAll, describe, expect, it } from "vitest";
import { call, expectError, open, ROOT_KEY } from "../support/http-client";

describe("methods", () => {
  let paths: [string, string[]][] = [];

  beforeAll(async () => {
    const { body } = await call<{ paths: Record<string, object> }>("GET", "/openapi.json");
    paths = Object.entries(body.paths).map(([path, methods]) => [
      path.replace(/\{\w+\}/g, "x"),
      Object.keys(methods).map((method) => method.toUpperCase()),
    ]);
    paths.push(["/", ["GET"]], ["/docs", ["GET"]], ["/openapi.json", ["GET"]]);
  });

  it("that a path does not take are 405 with Allow, with a key and without", async () => {
    expect(paths.length).toBeGreaterThan(15);
    for (const [path, methods] of paths) {
      for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"].filter(
        (one) => !methods.includes(one),
      )) {
        // The path of one job or file takes what would otherwise be a path of its own.
        if (underAnother(path) && methodsOf(path).includes(method)) continue;
        for (const key of [ROOT_KEY, null]) {
          const answer = await call(method, path, { key });
          expectError(answer, "method_not_allowed");
          expect(answer.headers.get("allow")?.split(", ").sort()).toEqual(methodsOf(path));
        }
      }
    }
  });

  const underAnother = (path: string) =>
    /^\/v1\/(jobs\/(bulk|cancel|retry|erase)|files\/uploads|batches\/estimate)$/.test(path);

  function methodsOf(path: string): string[] {
    const own = paths.find(([one]) => one === path)?.[1] ?? [];
    const ofAnother = path.startsWith("/v1/batches") ? ["GET"] : ["GET", "DELETE"];
    return [...own, ...(underAnother(path) ? ofAnother : [])].sort();
  }

  it("HEAD is answered as GET is, without a body", async () => {
    for (const path of ["/health", "/v1/jobs", "/docs"]) {
      const response = await open("HEAD", path);
      expect([response.status, await response.text()]).toEqual([200, ""]);
    }
  });
});
