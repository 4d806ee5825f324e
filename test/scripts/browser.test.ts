// Which browser the tests take: the one that is named, else one that is there.

import { expect, it } from "vitest";
import { findBrowser } from "../../scripts/browser.mjs";

/** A machine on which these files are. */
const machine = (platform: string, env: Record<string, string>, ...files: string[]) => ({
  platform,
  env,
  exists: (file: string) => files.includes(file),
});

const PATH = "/usr/local/bin:/usr/bin";

it("takes the one that CHROME_PATH names, whatever else is there", () => {
  const env = { PATH, CHROME_PATH: "/my/chrome" };
  expect(findBrowser(machine("linux", env, "/my/chrome", "/usr/bin/chromium"))).toBe("/my/chrome");
});

it("says that CHROME_PATH is wrong instead of taking another", () => {
  const env = { PATH, CHROME_PATH: "/my/chrome" };
  expect(() => findBrowser(machine("linux", env, "/usr/bin/chromium"))).toThrow(
    "CHROME_PATH is /my/chrome, where nothing is. Name the program of a Chrome or Chromium.",
  );
});

it.each([
  ["linux", "/usr/bin/chromium"],
  ["linux", "/usr/local/bin/google-chrome"],
  ["linux", "/snap/bin/chromium"],
  ["darwin", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"],
])("finds on %s %s", (platform, file) => {
  expect(findBrowser(machine(platform, { PATH }, file))).toBe(file);
});

it("finds none where there is none, which is for playwright-core to look for", () => {
  expect(findBrowser(machine("linux", { PATH }))).toBeUndefined();
  expect(findBrowser(machine("linux", {}, "/usr/bin/chromium"))).toBeUndefined();
});
