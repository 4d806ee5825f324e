// The writing assistant of examples/, built, served and open in a real browser, beside an Errand that can be killed.

import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { expect } from "vitest";
import { BROWSER_ARGS, findBrowser } from "../../scripts/browser.mjs";
import { type DevServer, startDev } from "../../scripts/dev-server.mjs";
import { freePort } from "../../scripts/ports.mjs";
import { editDatabase, killGroup } from "./crash.mjs";
import { type Examples, installExamples } from "./examples.mjs";
import { tempFolder } from "./project-copy.mjs";
import { type Provider, type ProviderRequest, startProvider } from "./provider-server.mjs";
import { type Output, Service } from "./service";
import { layWire, type Wire } from "./wire.mjs";

const NAME = "writing-assistant";
const ROOT_KEY = "errand_root_of_the_writing_assistant";

/** A post that is being written: the model says what the test has it say. */
export type Writing = { id: string; model: ProviderRequest };

export class WritingAssistant {
  readonly state = tempFolder();
  url = "";
  private readonly env: Record<string, string>;
  private server: DevServer | undefined;
  private page: { url: string; stop(): Promise<void> } | undefined;

  private constructor(
    readonly provider: Provider,
    readonly examples: Examples,
    readonly browser: Browser,
    /** From the browser to Errand. */
    readonly wire: Wire,
    private readonly port: number,
  ) {
    this.env = {
      ROOT_KEY,
      TOKEN_SECRET: "secret of the writing assistant, the same in every life",
      PROVIDERS: JSON.stringify([{ name: "local", base_url: provider.url }]),
      TIMING: JSON.stringify({ clock_pass_s: 1 }),
    };
  }

  static async start(): Promise<WritingAssistant> {
    const port = await freePort();
    const [provider, wire, examples, browser] = await Promise.all([
      startProvider(),
      layWire(port),
      installExamples(),
      chromium.launch({ executablePath: findBrowser(), args: BROWSER_ARGS }),
    ]);
    const assistant = new WritingAssistant(provider, examples, browser, wire, port);
    await Promise.all([assistant.startErrand(), assistant.openSite()]);
    return assistant;
  }

  get service(): Service {
    return new Service(this.server?.url ?? "", this.server?.key ?? "");
  }

  async startErrand(): Promise<void> {
    const { port, env, server } = this;
    const migrated = server !== undefined;
    this.server = await startDev({ port, persistTo: this.state.folder, env, migrated, quiet: true });
  }

  /** `kill -9` of all of it. By the time it comes back nobody has heard of the run for longer than its lease. */
  async killErrand({ id }: Writing): Promise<void> {
    killGroup(this.server?.pid ?? 0);
    await this.server?.ended;
    await this.server?.stop(); // only its temporary files are left
    editDatabase(this.state.folder, "UPDATE jobs SET lease_until = 1, wake_at = 1 WHERE id = ?", id);
  }

  private async openSite(): Promise<void> {
    const variables = {
      ERRAND_URL: this.wire.url,
      ERRAND_KEY: ROOT_KEY,
      ERRAND_MODEL: "local/dictated",
    };
    const { code, output } = await this.examples.run(NAME, "npm", ["run", "build"], variables);
    expect(code, output).toBe(0);
    const address = ["--host=127.0.0.1", "--port=0"];
    this.page = await this.examples.serve(NAME, "vite", ["preview", ...address], variables);
    this.url = this.page.url;
  }

  async stop(): Promise<void> {
    await this.browser.close();
    await this.wire.stop();
    await Promise.all([this.page?.stop(), this.server?.stop(), this.provider.stop()]);
    this.examples.remove();
    this.state.remove();
  }

  /** A tab; without an id with nothing open in it. */
  async open(context: BrowserContext, id = ""): Promise<Page> {
    const page = await context.newPage();
    await page.goto(`${this.url}/#${id}`);
    return page;
  }

  /** Asks for a post, as a person does. */
  async order(page: Page, topic: string): Promise<Writing> {
    await page.getByLabel("What shall the post be about?").fill(topic);
    await page.getByRole("button", { name: "Write it" }).click();
    await page.getByRole("button", { name: "Stop" }).waitFor();
    const id = new URL(page.url()).hash.slice(1);
    return { id, model: await this.provider.untilRequest(id) };
  }

  /** What the server has of the text: all that the model has said so far, or the output. */
  async told(id: string): Promise<string> {
    const { body } = await this.service.call<{ type: string; text?: string }[]>(
      "GET",
      `/v1/jobs/${id}/stream`,
    );
    return body.map((message) => (message.type === "text" ? message.text : "")).join("");
  }

  async output(id: string): Promise<string> {
    await this.service.ended(id);
    return ((await this.service.get(`/v1/jobs/${id}`)).output as Output).text;
  }
}

/** The paragraphs that a page shows. */
export async function shown(page: Page): Promise<string> {
  return (await page.locator("article p").allTextContents()).join("\n\n");
}

export const untilShown = (page: Page, text: string) =>
  expect.poll(() => shown(page), { timeout: 45_000 }).toBe(text);

/** Every text that any tab of it has shown from now on, if only for a moment. */
export async function watchTexts(context: BrowserContext): Promise<string[]> {
  const seen: string[] = [];
  await context.exposeFunction("tellText", (text: string) => seen.push(text));
  await context.addInitScript(`
    const tell = () => tellText([...document.querySelectorAll("article p")].map((p) => p.textContent).join("\\n\\n"));
    new MutationObserver(tell).observe(document, { subtree: true, childList: true, characterData: true });
  `);
  return seen;
}

/** Numbered words in paragraphs of ten, so that one that is lost or doubled shows. They go on where others ended. */
export function words(from: number, to: number): string {
  let text = "";
  for (let i = from; i <= to; i++) text += `${i === 1 ? "" : i % 10 === 1 ? "\n\n" : " "}${i}:täglich–${i}`;
  return text;
}
