// A text as paragraphs, with what stands behind a # as a heading.

export function Prose({ text, isGrowing = false }: { text: string; isGrowing?: boolean }) {
  const blocks = text.split(/\n{2,}/).filter((block) => block !== "");
  return (
    <article className={isGrowing ? "growing" : undefined} aria-busy={isGrowing}>
      {blocks.length === 0 && isGrowing && <p />}
      {blocks.map((block, index) => {
        const heading = /^(#{1,6}) +(.*)$/s.exec(block);
        // A text only grows at its end: its blocks keep their places.
        const key = `block-${index}`;
        if (!heading) return <p key={key}>{block}</p>;
        return heading[1] === "#" ? <h2 key={key}>{heading[2]}</h2> : <h3 key={key}>{heading[2]}</h3>;
      })}
    </article>
  );
}
