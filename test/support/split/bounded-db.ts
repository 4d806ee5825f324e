// D1 with the size limit it has in production and not locally: no bound value and no row over 2,000,000 bytes.

export const MAX_BYTES = 2_000_000;

const encoder = new TextEncoder();

function sizeOf(value: unknown): number {
  if (typeof value === "string") return encoder.encode(value).byteLength;
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return value.byteLength;
  return 8;
}

function checkSize(bytes: number): void {
  if (bytes > MAX_BYTES) throw new Error("D1_ERROR: string or blob too big: SQLITE_TOOBIG");
}

/** Every row of an answer, of one statement or of a batch, as objects or as lists. */
function checkRows(answer: unknown): void {
  if (Array.isArray(answer) && answer.every((value) => typeof value !== "object" || value === null)) {
    checkSize(answer.reduce<number>((sum, value) => sum + sizeOf(value), 0));
  } else if (Array.isArray(answer)) {
    for (const part of answer) checkRows(part);
  } else if (typeof answer === "object" && answer !== null) {
    checkRows("results" in answer && "meta" in answer ? answer.results : Object.values(answer));
  }
}

type Call = (...values: unknown[]) => Promise<unknown>;

/** The statement, whose calls fail when a value it was given, or a row it reads, is too large. */
function boundStatement(
  statement: D1PreparedStatement,
  values: unknown[],
  originals: Originals,
): D1PreparedStatement {
  const proxy = new Proxy(statement, {
    get(target, name) {
      if (name === "bind")
        return (...more: unknown[]) => boundStatement(target.bind(...more), more, originals);
      const call: Call = Reflect.get(target, name).bind(target);
      return async (...args: unknown[]) => {
        for (const value of values) checkSize(sizeOf(value));
        const answer = await call(...args);
        checkRows(answer);
        return answer;
      };
    },
  });
  originals.set(proxy, { statement, values });
  return proxy;
}

type Originals = WeakMap<D1PreparedStatement, { statement: D1PreparedStatement; values: unknown[] }>;

export function boundDb(db: D1Database): D1Database {
  const originals: Originals = new WeakMap();
  const batch = async (statements: D1PreparedStatement[]) => {
    const all = statements.map((statement) => originals.get(statement) ?? { statement, values: [] });
    for (const { values } of all) for (const value of values) checkSize(sizeOf(value));
    const answers = await db.batch(all.map(({ statement }) => statement));
    checkRows(answers);
    return answers;
  };
  return new Proxy(db, {
    get(target, name) {
      if (name === "prepare") return (sql: string) => boundStatement(target.prepare(sql), [], originals);
      if (name === "batch") return batch;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
