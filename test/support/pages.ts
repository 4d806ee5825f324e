// A web page and a Markdown page as they are met in the wild.

export const WEB_PAGE = `<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>Green tea &amp; you &mdash; The Tea Journal</title>
  <style>body { font: 16px serif } .nav::after { content: "never" }</style>
  <script>window.dataLayer = ["<p>never</p>"]; if (1 < 2) track("never");</script>
  <link rel="stylesheet" href="/a.css">
</head>
<body class="post">
  <!-- never -->
  <header><a href="/">never: the site's name</a></header>
  <nav><ul><li><a href="/">never: Home</a><li><a href="/shop">never: Shop</a></ul></nav>
  <div hidden>never: a banner</div>
  <div style="color: red; display:none">never: a pop-up</div>
  <main>
    <article>
      <h1>Green tea<br>&amp; you</h1>
      <p>By <a href="/a">Ana Li&#353;ka</a>, 5&nbsp;min</p>
      <p>Water at 80&deg;C &ndash; <em>not</em> <b>boiling</b> &#8212; is what
         green   tea wants.<br>Steep for &lt; 3 minutes.
      <p>A paragraph that nobody closed.
      <h2>What you need</h2>
      <ul>
        <li>A kettle
        <li>A pot, with <a href="/lid">a lid</a>
          <ol start="3"><li>small</li><li><p>large</p><p>or larger</p></li></ol>
        </li>
        <li hidden>never: sold out</li>
      </ul>
      <h3>Times</h3>
      <table>
        <thead><tr><th>Tea</th><th>Minutes</th></tr></thead>
        <tbody>
          <tr><td>Sencha</td><td><p>2</p></td></tr>
          <tr><td>Gyokuro | best</td><td>1<br>or 2</td></tr>
          <tr><td></td><td></td></tr>
        </tbody>
      </table>
      <pre><code>const tea = brew({
  celsius: 80, // &lt;= 85
});
</code></pre>
      <blockquote>The water is <i>half</i> of the tea.</blockquote>
      <noscript>never</noscript><template><p>never</p></template>
      <svg><title>never</title><text>never</text></svg>
      <span aria-hidden="true">never: an icon</span>
      <button>never: Share</button>
    </article>
  </main>
  <footer>never: all rights reserved</footer>
</body>
</html>`;

export const WEB_PAGE_TEXT = `# Green tea & you

By Ana Liška, 5 min

Water at 80°C – not boiling — is what green tea wants.
Steep for < 3 minutes.

A paragraph that nobody closed.

## What you need

- A kettle
- A pot, with a lid
  3. small
  4. large
     or larger

### Times

| Tea | Minutes |
| --- | --- |
| Sencha | 2 |
| Gyokuro \\| best | 1 or 2 |

\`\`\`
const tea = brew({
  celsius: 80, // <= 85
});
\`\`\`

The water is half of the tea.`;

export const MARKDOWN_PAGE = `---
layout: post
---

\`\`\`sh
# not the title
npm install tea
\`\`\`

Tea
===

- [x] a kettle
- a **pot**

| a | b |
|---|---|
| 1 | 2 |

<b>kept</b> &amp; as it is\r\n`;
