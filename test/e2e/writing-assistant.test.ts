// The writing assistant in a real browser: whatever happens to tabs, network and server, its text is the job's.

import type { BrowserContext } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { shown, untilShown, WritingAssistant, watchTexts, words } from "../support/writing-assistant";

const PATIENT = { timeout: 20_000 };

let assistant: WritingAssistant;
let device: BrowserContext;
let seen: string[];

beforeAll(async () => {
  assistant = await WritingAssistant.start();
});

afterAll(() => assistant?.stop());

beforeEach(async () => {
  device = await assistant.browser.newContext();
  seen = await watchTexts(device);
});

afterEach(() => device.close());

/** Every moment showed the text as it begins: no character too many, none left out. */
function expectBeginnings(text: string): void {
  expect(seen.length).toBeGreaterThan(0);
  expect(seen.filter((one) => !text.startsWith(one))).toEqual([]);
}

it("shows the text while it is written, and the post in the list of every device", async () => {
  const page = await assistant.open(device);
  const { id, model } = await assistant.order(page, "sea buckthorn");
  model.say(words(1, 12));
  await untilShown(page, words(1, 12));
  expect(await page.getByRole("status").textContent()).toBe("Writing, 12 words");

  const other = await assistant.browser.newContext();
  const list = (await assistant.open(other)).getByRole("navigation", { name: "Posts" });
  const entry = list.getByRole("link", { name: "sea buckthorn" });
  await entry.getByText("writing").waitFor();
  model.say(words(13, 15));
  model.release();
  await entry.getByText("draft").waitFor();
  await page.getByRole("status").getByText("Done, 15 words").waitFor();
  await untilShown(page, words(1, 15));
  expect(await assistant.output(id)).toBe(words(1, 15));
  expectBeginnings(words(1, 15));
  await other.close();
});

it("goes on after a refresh in the middle of the text, with no character lost or doubled", async () => {
  const page = await assistant.open(device);
  const { id, model } = await assistant.order(page, "refreshing");
  let last = 0;
  for (const next of [7, 20, 33]) {
    model.say(words(last + 1, next));
    await untilShown(page, words(1, next));
    // Said while nobody looks.
    const leaving = page.reload();
    model.say(words(next + 1, next + 3));
    await leaving;
    last = next + 3;
  }
  await untilShown(page, words(1, 36));
  model.release();
  await page.getByRole("status").getByText("Done").waitFor();
  await untilShown(page, words(1, 36));
  expect(await assistant.output(id)).toBe(words(1, 36));
  expectBeginnings(words(1, 36));
});

it("goes on when the network is back, and says meanwhile that it is away", async () => {
  const page = await assistant.open(device);
  const { id, model } = await assistant.order(page, "tunnels");
  model.say(words(1, 5));
  await untilShown(page, words(1, 5));
  await device.setOffline(true);
  assistant.wire.cut();
  await page.getByText("You are offline").waitFor();
  model.say(words(6, 25));
  await expect.poll(() => assistant.told(id), PATIENT).toBe(words(1, 25));
  expect(await shown(page)).toBe(words(1, 5));
  await device.setOffline(false);
  await untilShown(page, words(1, 25));
  await page.getByText("You are offline").waitFor({ state: "hidden" });
  model.say(words(26, 30));
  model.release();
  await untilShown(page, words(1, 30));
  expect(await assistant.output(id)).toBe(words(1, 30));
  expectBeginnings(words(1, 30));
});

it("shows the same text growing in a second tab", async () => {
  const one = await assistant.open(device);
  const { id, model } = await assistant.order(one, "twins");
  model.say(words(1, 11));
  await untilShown(one, words(1, 11));
  const two = await assistant.open(device, id);
  await untilShown(two, words(1, 11));
  model.say(words(12, 24));
  await Promise.all([untilShown(one, words(1, 24)), untilShown(two, words(1, 24))]);
  model.release();
  await two.getByRole("status").getByText("Done").waitFor();
  expect([await shown(one), await shown(two)]).toEqual(Array(2).fill(await assistant.output(id)));
  expectBeginnings(words(1, 24));
});

it("goes on writing when the tab is closed, and shows it all to who comes back", async () => {
  const before = await assistant.open(device);
  const { id, model } = await assistant.order(before, "absence");
  model.say(words(1, 4));
  await untilShown(before, words(1, 4));
  await before.close();
  model.say(words(5, 40));
  await expect.poll(() => assistant.told(id), PATIENT).toBe(words(1, 40));

  const after = await assistant.open(device);
  await after.getByRole("link", { name: "absence" }).click();
  await untilShown(after, words(1, 40));
  model.say(words(41, 42));
  await untilShown(after, words(1, 42));
  await after.close();
  model.release();
  expect(await assistant.output(id)).toBe(words(1, 42));

  await untilShown(await assistant.open(device, id), words(1, 42));
  expectBeginnings(words(1, 42));
});

it("ends the job and its call to the model by Stop, and keeps the text so far", async () => {
  const page = await assistant.open(device);
  const { id, model } = await assistant.order(page, "brakes");
  model.say(words(1, 8));
  await untilShown(page, words(1, 8));
  await page.getByRole("button", { name: "Stop" }).click();
  await model.closed;
  await page.getByRole("status").getByText("Stopped after 8 words").waitFor();
  expect(await assistant.service.ended(id)).toMatchObject({ state: "cancelled" });
  expect(await assistant.output(id)).toBe(words(1, 8));
  await page.reload();
  await untilShown(page, words(1, 8));
  await page.getByRole("button", { name: "Edit" }).waitFor();
  expectBeginnings(words(1, 8));
});

it("says that a post has failed, and has it written anew once, however often it is asked", async () => {
  const page = await assistant.open(device);
  const { id, model } = await assistant.order(page, "luck");
  const other = await assistant.open(device, id);
  model.refuse(400);
  for (const tab of [page, other]) await tab.getByText("This did not work").waitFor();
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("button", { name: "Stop" }).waitFor();
  await other.getByRole("button", { name: "Try again" }).click();
  await expect.poll(() => other.url(), PATIENT).toBe(page.url());
  const next = new URL(page.url()).hash.slice(1);
  expect(next).not.toBe(id);
  const again = await assistant.provider.untilRequest(next);
  again.say(words(1, 3));
  again.release();
  await page.getByRole("status").getByText("Done").waitFor();
  await untilShown(page, words(1, 3));
  await untilShown(other, words(1, 3));
  expect(await page.getByRole("link", { name: "luck" }).count()).toBe(1);
});

it("shows the job's text once after kill -9 of the server and its restart in the middle of it", async () => {
  const page = await assistant.open(device);
  const writing = await assistant.order(page, "power cuts");
  writing.model.say(words(1, 18));
  await untilShown(page, words(1, 18));
  await assistant.killErrand(writing);
  expect(await shown(page)).toBe(words(1, 18));
  await assistant.startErrand();
  const { id } = writing;
  const calls = () => assistant.provider.requests.filter(({ job }) => job === id);
  await expect.poll(() => calls().length, PATIENT).toBe(2);
  const text = `Anew: ${words(2, 30)}`;
  calls()[1]?.say(text);
  await untilShown(page, text);
  calls()[1]?.release();
  await page.getByRole("status").getByText("Done").waitFor();
  await untilShown(page, text);
  expect(await assistant.output(id)).toBe(text);
});

it("keeps over a reload what was edited and published", async () => {
  const page = await assistant.open(device);
  const { id, model } = await assistant.order(page, "orchards");
  model.say(`# Apples\n\n${words(1, 3)}`);
  model.release();
  await page.getByRole("button", { name: "Edit" }).click();
  const editor = page.getByLabel("Text of the post");
  expect(await editor.inputValue()).toBe(await assistant.output(id));
  await editor.fill("# Pears\n\nBetter than apples.");
  await page.reload();
  await page.getByRole("heading", { name: "Pears" }).waitFor();
  await page.getByRole("button", { name: "Publish" }).click();
  await page.getByRole("status").getByText("Published").waitFor();
  await page.reload();
  await page.getByRole("status").getByText("Published").waitFor();
  await page.getByRole("heading", { name: "Pears" }).waitFor();
  await untilShown(page, "Better than apples.");
  await page.getByRole("link", { name: "orchards" }).getByText("published").waitFor();
});

it("is used without a mouse, and fits a narrow screen", async () => {
  const page = await assistant.open(device);
  await page.setViewportSize({ width: 360, height: 740 });
  const topic = page.getByLabel("What shall the post be about?");
  const isReached = () => topic.and(page.locator(":focus")).count();
  for (let i = 0; i < 50 && (await isReached()) === 0; i++) await page.keyboard.press("Tab");
  await page.keyboard.type("thumbs");
  await page.keyboard.press("Enter");
  const stop = page.getByRole("button", { name: "Stop" });
  await stop.waitFor();
  const width = () => page.evaluate("document.documentElement.scrollWidth");
  expect(await width()).toBe(360);
  const model = await assistant.provider.untilRequest(new URL(page.url()).hash.slice(1));
  model.say(`${"long".repeat(200)} ${words(1, 5)}`);
  await page.getByRole("status").getByText("Writing, 6 words").waitFor();
  expect(await width()).toBe(360);
  await stop.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("status").getByText("Stopped").waitFor();
});

it("gives the browser no key", async () => {
  const page = await device.newPage();
  const bodies: Promise<string>[] = [];
  page.on("response", (response) => bodies.push(response.text().catch(() => "")));
  await page.goto(assistant.url);
  await page.getByLabel("What shall the post be about?").waitFor();
  await page.getByRole("navigation").getByRole("link", { name: "orchards" }).waitFor();
  const texts = await Promise.all(bodies);
  expect(texts.join("\n")).toContain("What shall the post be about?");
  expect(texts.filter((text) => text.includes(assistant.service.key))).toEqual([]);
});
