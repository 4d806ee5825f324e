// Small PDFs: real files with compressed pages, put together by hand.

type PdfOptions = {
  title?: string;
  /** Asks for a password that nobody knows. */
  isEncrypted?: boolean;
};

/** One page for each list of lines. */
export async function makePdf(
  pages: string[][],
  { title, isEncrypted = false }: PdfOptions = {},
): Promise<Uint8Array> {
  const kids = pages.map((_, i) => `${4 + 2 * i} 0 R`).join(" ");
  const objects: Uint8Array[] = [
    latin("<< /Type /Catalog /Pages 2 0 R >>"),
    latin(`<< /Type /Pages /Kids [${kids}] /Count ${pages.length} >>`),
    latin("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"),
  ];
  for (const lines of pages) {
    const contents = objects.length + 2;
    const resources = "<< /Font << /F1 3 0 R >> >>";
    objects.push(
      latin(
        `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources ${resources} /Contents ${contents} 0 R >>`,
      ),
      await compressed(drawing(lines)),
    );
  }
  const info = title === undefined ? "" : ` /Info ${objects.push(latin(`<< /Title (${title}) >>`))} 0 R`;
  const word = `<${"5a".repeat(32)}>`;
  const lock = `<< /Filter /Standard /V 1 /R 2 /Length 40 /P -4 /O ${word} /U ${word} >>`;
  const encryption = isEncrypted ? ` /Encrypt ${objects.push(latin(lock))} 0 R` : "";
  return file(objects, `/Root 1 0 R /ID [${word} ${word}]${info}${encryption}`);
}

/** Text at a place, line under line; a page without lines has a drawn box only, like a scan without a text layer. */
function drawing(lines: string[]): string {
  const shown = lines.map((line) => `(${line.replace(/[\\()]/g, "\\$&")}) Tj T*`);
  return lines.length === 0 ? "72 72 400 600 re f" : `BT /F1 12 Tf 14 TL 72 770 Td ${shown.join(" ")} ET`;
}

async function compressed(content: string): Promise<Uint8Array> {
  const stream = new Blob([latin(content)]).stream().pipeThrough(new CompressionStream("deflate"));
  const data = new Uint8Array(await new Response(stream).arrayBuffer());
  return concat([
    latin(`<< /Length ${data.length} /Filter /FlateDecode >>\nstream\n`),
    data,
    latin("\nendstream"),
  ]);
}

function file(objects: Uint8Array[], trailer: string): Uint8Array {
  const parts = [latin("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")];
  const places: number[] = [];
  let size = parts[0]?.length ?? 0;
  for (const [i, object] of objects.entries()) {
    const whole = concat([latin(`${i + 1} 0 obj\n`), object, latin("\nendobj\n")]);
    places.push(size);
    size += whole.length;
    parts.push(whole);
  }
  const rows = places.map((place) => `${String(place).padStart(10, "0")} 00000 n \n`).join("");
  const count = objects.length + 1;
  const table = `xref\n0 ${count}\n0000000000 65535 f \n${rows}`;
  return concat([
    ...parts,
    latin(`${table}trailer\n<< /Size ${count} ${trailer} >>\nstartxref\n${size}\n%%EOF\n`),
  ]);
}

const latin = (text: string) => new Uint8Array([...text].map((char) => char.charCodeAt(0)));

function concat(parts: Uint8Array[]) {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
