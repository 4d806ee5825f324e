// Where long texts come from: files of every kind, and URLs; what was fetched once is not fetched again.

import { describe, expect, it } from "vitest";
import { createVault } from "../../src/store/vault";
import type { SummarizeOutput } from "../../src/tasks/summarize/input";
import { testDeps } from "../support/deps";
import { PROJECT } from "../support/factory";
import { factOf, outputOf, prose, runLongText, storedFile, WORD, watchedDeps } from "../support/long-texts";
import { makePdf } from "../support/pdf";

const bytes = (text: string) => new TextEncoder().encode(text);

/** 40 pages of lines; a fact on the 3rd and the 33rd. */
async function pdf(): Promise<Uint8Array> {
  const pages = Array.from({ length: 40 }, (_, i) => {
    const words = (prose(900, i + 1)[0] ?? "").split(" ");
    const lines = Array.from({ length: 12 }, (_, n) => words.slice(n * 6, n * 6 + 6).join(" "));
    return [3, 33].includes(i + 1) ? [...lines, factOf(i + 1)] : lines;
  });
  return makePdf(pages, { title: "Lamps" });
}

const HTML = `<!doctype html><title>On lamps</title><nav>Home ${WORD}-0 is the name of a menu.</nav>
  <main><h1>Lamps</h1><p>${prose(600).join("</p><p>")}</p><p>${factOf(4)}</p></main>`;

const MARKDOWN = `# Lamps of the coast\n\n${prose(600).join("\n\n")}\n\n- ${factOf(5)}\n`;

describe("a file", () => {
  it("that is a PDF is summarized with the page of each citation, and its title", async () => {
    const { deps } = watchedDeps();
    const file_id = await storedFile(deps, await pdf(), "lamps.pdf", "application/pdf");
    const job = await runLongText(deps, "summarize", { file_id, max_chunk_tokens: 400 });
    const output = await outputOf<SummarizeOutput>(job);
    expect(output).toMatchObject({ title: "Lamps", source: { kind: "pdf", pages: 40 } });
    const pageOf = (fact: number) => {
      const [, n] = new RegExp(`${WORD}-${fact} .*?\\[(\\d+)\\]`).exec(output.summary) ?? [];
      return output.citations?.find((citation) => citation.n === Number(n))?.page ?? 0;
    };
    // A passage may begin on the page before.
    expect([2, 3]).toContain(pageOf(3));
    expect([32, 33]).toContain(pageOf(33));
  });

  it("that is a web page is read without what is not its text", async () => {
    const { deps } = watchedDeps();
    const file_id = await storedFile(deps, bytes(HTML), "lamps.html", "text/html; charset=utf-8");
    const output = await outputOf<SummarizeOutput>(await runLongText(deps, "summarize", { file_id }));
    expect(output).toMatchObject({ title: "On lamps", source: { kind: "html" } });
    expect(output.summary).toMatch(/^KEEPSAKE-4 [^\n]*$/);
  });

  it("that is Markdown is read as it stands", async () => {
    const { deps } = watchedDeps();
    const file_id = await storedFile(deps, bytes(MARKDOWN), "lamps.md", "text/plain");
    const output = await outputOf<SummarizeOutput>(await runLongText(deps, "summarize", { file_id }));
    expect(output).toMatchObject({
      title: "Lamps of the coast",
      source: { kind: "markdown", chars: MARKDOWN.length },
    });
    const [citation] = output.citations ?? [];
    expect(MARKDOWN.slice(citation?.start, citation?.end)).toContain(factOf(5));
  });

  it("is read under encryption too, and so is what was written down of it", async () => {
    const vault = createVault([{ id: "k1", secret: new Uint8Array(32).fill(7) }]);
    const { deps } = watchedDeps({ vault });
    const file_id = await storedFile(deps, bytes(MARKDOWN), "lamps.md", "text/markdown");
    const job = await runLongText(deps, "summarize", { file_id, model: `sandbox/chat!keep=${WORD}` });
    expect(job.state).toBe("completed");
    expect(JSON.parse(await vault.openText(job, job.output ?? "")).summary).toContain(`${WORD}-5`);
    for (const { key } of (await deps.bucket.list({ prefix: `${PROJECT}/${job.id}/` })).objects) {
      expect(await (await deps.bucket.get(key))?.text()).not.toContain(WORD);
    }
  });

  it("that is not there, is too large or cannot be read fails the job, once", async () => {
    const { deps } = watchedDeps();
    const scan = await storedFile(deps, await makePdf([[], []]), "scan.pdf", "application/pdf");
    const large = await storedFile(deps, new Uint8Array(10_000_001).fill(97), "large.txt", "text/plain");
    const cases = [
      ["file_01K00000000000000000000000", "file_missing", "There is no file"],
      [scan, "document_unreadable", "pages are pictures"],
      [large, "document_unreadable", "larger than 10 MB"],
    ] as const;
    for (const [file_id, code, words] of cases) {
      const job = await runLongText(deps, "summarize", { file_id });
      expect(job).toMatchObject({ state: "failed", attempt: 1, error: { code } });
      expect(job.error?.message).toContain(words);
    }
  });
});

describe("a URL", () => {
  const fetched = (answer: () => Response) => {
    const asked: string[] = [];
    const fetchUrl = async (url: string) => {
      asked.push(url);
      return answer();
    };
    return { asked, fetchUrl };
  };
  const page = () => new Response(HTML, { headers: { "content-type": "text/html" } });

  it("is fetched once, however many turns the job takes", async () => {
    const { asked, fetchUrl } = fetched(page);
    const { deps } = watchedDeps({ fetchUrl });
    const url = "https://example.com/lamps";
    const job = await runLongText(deps, "summarize", { url, max_chunk_tokens: 100 });
    const output = await outputOf<SummarizeOutput>(job);
    expect(output.chunks).toBeGreaterThan(1);
    expect(output.levels).toBeGreaterThan(1);
    expect(output.citations?.[0]?.quote).toBeTruthy();
    expect(asked).toEqual([url]);
  });

  it.each([
    "https://127.0.0.1/",
    "https://10.0.0.1/admin",
    "https://[::1]/",
    "https://169.254.169.254/latest/meta-data",
    "https://printer.local/",
    "http://example.com/",
  ])("that does not lead to the public internet is refused, and nothing is asked: %s", async (url) => {
    const { asked, fetchUrl } = fetched(page);
    const { deps } = watchedDeps({ fetchUrl });
    for (const task of ["summarize", "translate"]) {
      const job = await runLongText(deps, task, {
        url,
        ...(task === "translate" && { target_language: "German" }),
      });
      expect(job).toMatchObject({ state: "failed", attempt: 1, error: { code: "url_not_allowed" } });
    }
    expect(asked).toEqual([]);
  });

  it("that leads to a private one is not followed", async () => {
    const { asked, fetchUrl } = fetched(
      () => new Response(null, { status: 302, headers: { location: "https://192.168.0.1/" } }),
    );
    const { deps } = watchedDeps({ fetchUrl });
    const job = await runLongText(deps, "summarize", { url: "https://example.com/" });
    expect(job).toMatchObject({ state: "failed", error: { code: "url_not_allowed" } });
    expect(asked).toHaveLength(1);
  });

  it("that does not answer is tried again, and one that is not there is not", async () => {
    let tries = 0;
    const flaky = () => (++tries < 3 ? new Response("busy", { status: 503 }) : page());
    const { deps } = watchedDeps({ fetchUrl: fetched(flaky).fetchUrl });
    const job = await runLongText(deps, "summarize", { url: "https://example.com/" });
    expect([job.state, tries]).toEqual(["completed", 3]);
    const gone = fetched(() => new Response("no", { status: 404 }));
    const { deps: others } = watchedDeps({ fetchUrl: gone.fetchUrl });
    const lost = await runLongText(others, "summarize", { url: "https://example.com/" });
    expect([lost.error?.code, gone.asked.length]).toEqual(["url_unreachable", 1]);
  });
});

it("the settings' own bound holds: a chunk is at most half of the model's context", async () => {
  const models = {
    providers: [
      {
        name: "small",
        base_url: "https://small.test/v1",
        models: [{ name: "chat", kind: "chat" as const, context_tokens: 1_000 }],
      },
    ],
    aliases: {},
  };
  const deps = testDeps({ models, fetch: () => Promise.reject(new Error("nobody")) });
  const job = await runLongText(deps, "summarize", { text: prose(20_000).join("\n\n"), model: "small/chat" });
  expect(job.children?.total).toBeGreaterThan(8);
});
