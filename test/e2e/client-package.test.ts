// The client as a package: an app that installs it compiles, and runs in plain Node against a running Errand.

import { expect, it } from "vitest";
import { installed } from "../support/client-beside-server";

it("holds what is built, with types, and nothing else", () => {
  const names = installed.client.files.filter((name) => !name.startsWith("dist"));
  expect(names.sort()).toEqual(["LICENSE", "README.md", "package.json"]);
  expect(installed.client.files).toEqual(
    expect.arrayContaining([
      "dist/index.js",
      "dist/index.d.ts",
      "dist/react/index.js",
      "dist/react/index.d.ts",
      "dist/ai/index.js",
      "dist/ai/index.d.ts",
    ]),
  );
  expect(installed.client.files.filter((name) => /\.ts$/.test(name) && !/\.d\.ts$/.test(name))).toEqual([]);
});

it("compiles in an app, and so does all that its README shows", async () => {
  await expect(installed.client.compile()).resolves.toBeUndefined();
});

it("has nothing that publint or attw object to", async () => {
  await expect(installed.client.lint()).resolves.toBeUndefined();
});

it("runs jobs with a key, and hears of them over a real WebSocket with a token", async () => {
  await installed.client.compile();
  const printed = await installed.client.start(installed.server.url, installed.server.key);
  expect(
    printed
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toEqual([
    { run: "Hello" },
    { failed: "provider_bad_request" },
    { heard: "Hello" },
    { read: "Hello" },
    { generated: "Hello", channel: "user-42" },
    { refused: "unknown_task" },
  ]);
});

it("renders its hooks for React on a server, and marks them as a client's", async () => {
  await installed.client.compile();
  expect(await installed.client.startPage("page.js")).toBe("<p>generate: loading</p>\n");
  expect(installed.client.read("dist/react/index.js")).toMatch(/^(\/\/.*\n)*"use client";\n/);
  expect(installed.client.manifest).toMatchObject({ peerDependenciesMeta: { react: { optional: true } } });
});

it("runs inside a Worker", async () => {
  await installed.client.compile();
  const { url, key } = installed.server;
  const answer = await installed.client.askWorker({ ERRAND_URL: url, ERRAND_KEY: key });
  expect(answer).toEqual({ generated: "Hello", running: null });
});

it("renders a chat of the AI SDK, of which it needs the types only", async () => {
  await installed.client.compile();
  expect(await installed.client.startPage("chat/page.js")).toBe("<p>0 messages, ready</p>\n");
  const built = installed.client.files.filter((name) => /^dist\/ai\/.*\.js$/.test(name));
  expect(built.length).toBeGreaterThan(2);
  for (const name of built) expect(installed.client.read(name)).not.toMatch(/from "(ai|@ai-sdk\/.*)"/);
});
