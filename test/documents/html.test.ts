import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readHtml } from "../../src/documents/html";
import { WEB_PAGE, WEB_PAGE_TEXT } from "../support/pages";

const text = (html: string) => readHtml(html).text;
const word = fc.stringMatching(/^[a-z]{3,8}$/);

describe("a web page", () => {
  it("is its main text as Markdown: headings, lists, tables, code, and nothing that is not shown", () => {
    expect(readHtml(WEB_PAGE)).toEqual({ text: WEB_PAGE_TEXT, title: "Green tea & you — The Tea Journal" });
    expect(WEB_PAGE_TEXT).not.toContain("never");
  });

  it("is all of its text when it does not say which part is the main one", () => {
    expect(text("<div>One <p>Two</p> Three</div><section>Four</section>")).toBe(
      "One\n\nTwo\n\nThree\n\nFour",
    );
  });

  it("has the title of its first heading when it has none of its own", () => {
    expect(readHtml("<h2>Two</h2><h1>One\n line</h1><h1>Other</h1>").title).toBe("One line");
    expect(readHtml("<p>No title</p>").title).toBeUndefined();
    expect(readHtml("<title> </title><h1>One</h1>").title).toBe("One");
  });

  it("is read without head and body, and where tags are not closed or stand in each other's way", () => {
    expect(readHtml("<title>T</title><p>a<p>b")).toEqual({ title: "T", text: "a\n\nb" });
    expect(text("<ul><li>a<li>b</ul>c</div></p>d")).toContain("- a\n- b");
    expect(text("<b>a<i>b</b>c</i><td>d</table>e")).toMatch(/abc.*d.*e/s);
    expect(text("a < b && c > d &unknown; &amp")).toBe("a < b && c > d &unknown; &");
  });

  it.each([
    ["&lt;&gt;&amp;&quot;&apos;", "<>&\"'"],
    ["caf&eacute; &#233; &#xE9; &Eacute;", "café é é É"],
    ["&hellip;&rarr;&NotEqualTilde;", "…→≂̸"],
    ["&#128512;&#x1F600;", "😀😀"],
    ["a&nbsp;b", "a b"],
    ["&amp;lt;", "&lt;"],
    ["&#0;&#xD800;", "��"],
  ])("has its entities decoded, once: %s", (html, expected) => {
    expect(text(`<p>${html}</p>`)).toBe(expected);
  });

  it("keeps code as it is written, in a fence that is longer than those within", () => {
    expect(text("<pre>  a\n\n    b  \n</pre>")).toBe("```\n  a\n\n    b\n```");
    expect(text("<pre>```\nx\n```</pre>")).toBe("````\n```\nx\n```\n````");
  });

  it("keeps the lines of code that has an element for each of them", () => {
    expect(text("<pre><div>a</div><div>  b</div></pre>c")).toBe("```\na\n  b\n```\n\nc");
  });

  it("loses nothing of a table that is there for its layout, with other blocks and tables in its cells", () => {
    const inner = "<table><tr><td>c</td><td>d</td></tr></table>";
    const html = `<table><tr><td>a<h2>b</h2>${inner}e<ul><li>f</ul></td><td>g</td></tr></table>`;
    expect(text(html).match(/[a-z]/g)).toEqual([..."abcdefg"]);
    expect(text("<table><tr><td><h2>a</h2></td></tr></table><p>b</p>")).toBe("| a |\n| --- |\n\nb");
  });

  it("is empty when nothing of it is shown", () => {
    expect(text("<script>a</script><nav>b</nav><p hidden>c</p><!-- d --><p> &nbsp; </p>")).toBe("");
  });

  it("has every word that is shown, in its order, and none that is not, however elements are nested", () => {
    const shown = fc.constantFrom(
      "p",
      "div",
      "span",
      "b",
      "h2",
      "li",
      "ul",
      "section",
      "td",
      "pre",
      "a",
      "blockquote",
    );
    const skipped = fc.constantFrom("nav", "script", "style", "template", "noscript");
    const { tree } = fc.letrec<{ tree: { html: string; words: string[] } }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 5 },
        word.map((one) => ({ html: ` ${one} `, words: [one] })),
        fc.tuple(skipped, word).map(([name, one]) => ({ html: `<${name}>${one}</${name}>`, words: [] })),
        fc.tuple(shown, fc.array(tie("tree"), { maxLength: 4 })).map(([name, children]) => ({
          html: `<${name}>${children.map((child) => child.html).join("")}</${name}>`,
          words: children.flatMap((child) => child.words),
        })),
      ),
    }));
    fc.assert(
      fc.property(tree, ({ html, words }) => {
        expect(text(html).match(/[a-z]+/g) ?? []).toEqual(words);
      }),
      { numRuns: 500 },
    );
  });

  it("never fails, whatever it is", () => {
    const part = fc.oneof(
      fc.string({ unit: "binary", maxLength: 10 }),
      fc.constantFrom(
        "<",
        ">",
        "</",
        "<p",
        "<table><tr>",
        "</td>",
        "<li>",
        "</ul>",
        "<pre>",
        "<!--",
        "&#",
        "<ol start=x>",
        "</main>",
      ),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
        expect(typeof text(parts.join(""))).toBe("string");
      }),
      { numRuns: 1_000 },
    );
  });
});
