// The client as a package: an app that installs it compiles, and runs in plain Node against a running Errand.

import { afterAll, beforeAll, expect, it } from "vitest";
import { type DevServer, startDev } from "../../scripts/dev-server.mjs";
import { type InstalledClient, installClient } from "../support/client-package.mjs";
import { tempFolder } from "../support/project-copy.mjs";

const state = tempFolder();
let client: InstalledClient;
let server: DevServer;

beforeAll(async () => {
  client = await installClient();
  server = await startDev({ port: 0, persistTo: state.folder, quiet: true });
});

afterAll(async () => {
  await server?.stop();
  client?.remove();
  state.remove();
});

it("holds what is built, with types, and nothing else", () => {
  const names = client.files.filter((name) => !name.startsWith("dist"));
  expect(names.sort()).toEqual(["LICENSE", "README.md", "package.json"]);
  expect(client.files).toEqual(
    expect.arrayContaining([
      "dist/index.js",
      "dist/index.d.ts",
      "dist/react/index.js",
      "dist/react/index.d.ts",
    ]),
  );
  expect(client.files.filter((name) => /\.ts$/.test(name) && !/\.d\.ts$/.test(name))).toEqual([]);
});

it("runs jobs with a key, and hears of them over a real WebSocket with a token", async () => {
  await client.compile();
  const printed = await client.start(server.url, server.key);
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
    { refused: "unknown_task" },
  ]);
});

it("renders its hooks for React on a server, and marks them as a client's", async () => {
  await client.compile();
  expect(await client.startPage()).toBe("<p>generate: loading</p>\n");
  expect(client.read("dist/react/index.js")).toMatch(/^(\/\/.*\n)*"use client";\n/);
  expect(client.manifest).toMatchObject({ peerDependenciesMeta: { react: { optional: true } } });
});
