// A sandbox model that keeps what matters: of a prompt, the sentences that have a certain word in them, with their citations.

const SENTENCES = new Intl.Segmenter("und", { granularity: "sentence" });

const MARKS = /\[\d+\]/g;

/**
 * One sentence a line, each once. A number in brackets at the beginning of a line is good for all that follows it; a sentence that
 * has numbers of its own has those.
 */
export function keepSentences(prompt: string, word: string): string {
  const kept = new Set<string>();
  let passage = "";
  for (const line of prompt.split("\n")) {
    const [whole = "", mark] = /^\s*(\[\d+\])\s+/.exec(line) ?? [];
    passage = mark ?? passage;
    for (const { segment } of SENTENCES.segment(line.slice(whole.length))) {
      const sentence = segment.trim();
      if (!sentence.includes(word)) continue;
      const isMarked = passage === "" || sentence.search(MARKS) >= 0;
      kept.add(isMarked ? sentence : sentence.replace(/[.!?。]?$/, (end) => ` ${passage}${end}`));
    }
  }
  return [...kept].join("\n");
}
