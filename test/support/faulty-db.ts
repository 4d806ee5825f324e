// D1 with faults at the outer edge: calls that never arrive, and answers that get lost; and a count of written rows.

/** One call to the database: the SQL of its statements, and the call itself. */
export type DbCall = { sqls: string[]; send(): Promise<unknown> };

export type WrappedDb = {
  db: D1Database;
  /** The next `times` calls with this text in their SQL fail before they reach the database. */
  fail(times: number, text?: string): void;
  /** The next `times` calls with this text in their SQL reach the database, but their answer does not come back. */
  loseAnswers(times: number, text?: string): void;
  /** `event` happens once, between the next call's reaching the database and its answer. */
  meanwhile(event: () => Promise<void>): void;
  /** Every call so far that reached the database: the SQL of its statements, and the rows it wrote. */
  readonly calls: { sqls: string[]; rowsWritten: number; rowsRead: number }[];
  rowsWritten(): number;
  rowsRead(): number;
};

export function wrapDb(db: D1Database): WrappedDb {
  const faults: { kind: "fail" | "lose"; left: number; text: string }[] = [];
  const calls: WrappedDb["calls"] = [];
  let between: (() => Promise<void>) | null = null;

  async function around({ sqls, send }: DbCall): Promise<unknown> {
    const fault = faults.find(({ left, text }) => left > 0 && sqls.some((sql) => sql.includes(text)));
    if (fault) fault.left -= 1;
    if (fault?.kind === "fail") throw new Error("D1_ERROR: Network connection lost.");
    const answer = await send();
    calls.push({ sqls, rowsWritten: count(answer, "rows_written"), rowsRead: count(answer, "rows_read") });
    const event = between;
    between = null;
    await event?.();
    if (fault) throw new Error("D1_ERROR: Network connection lost.");
    return answer;
  }

  return {
    db: aroundCalls(db, around),
    fail: (times, text = "") => void faults.push({ kind: "fail", left: times, text }),
    loseAnswers: (times, text = "") => void faults.push({ kind: "lose", left: times, text }),
    meanwhile(event) {
      between = event;
    },
    calls,
    rowsWritten: () => calls.reduce((sum, call) => sum + call.rowsWritten, 0),
    rowsRead: () => calls.reduce((sum, call) => sum + call.rowsRead, 0),
  };
}

type Around = (call: DbCall) => Promise<unknown>;
type Method = (...values: unknown[]) => Promise<unknown>;

/** The same database, each call to which goes through `around`. */
export function aroundCalls(db: D1Database, around: Around): D1Database {
  const originals = new WeakMap<D1PreparedStatement, { sql: string; statement: D1PreparedStatement }>();

  function wrapStatement(sql: string, statement: D1PreparedStatement): D1PreparedStatement {
    const wrapped = new Proxy(statement, {
      get(target, name) {
        if (name === "bind") return (...values: unknown[]) => wrapStatement(sql, target.bind(...values));
        const method: Method = Reflect.get(target, name).bind(target);
        return (...values: unknown[]) => around({ sqls: [sql], send: () => method(...values) });
      },
    });
    originals.set(wrapped, { sql, statement });
    return wrapped;
  }

  function original(statement: D1PreparedStatement) {
    const found = originals.get(statement);
    if (!found) throw new Error("a statement of another database");
    return found;
  }

  return new Proxy(db, {
    get(target, name) {
      if (name === "prepare") return (sql: string) => wrapStatement(sql, target.prepare(sql));
      if (name !== "batch") return Reflect.get(target, name);
      return (statements: D1PreparedStatement[]) => {
        const all = statements.map(original);
        const send = () => target.batch(all.map(({ statement }) => statement));
        return around({ sqls: all.map(({ sql }) => sql), send });
      };
    },
  });
}

function count(answer: unknown, what: "rows_written" | "rows_read"): number {
  if (Array.isArray(answer)) return answer.reduce<number>((sum, one) => sum + count(one, what), 0);
  if (typeof answer !== "object" || answer === null || !("meta" in answer)) return 0;
  return (answer.meta as D1Meta)[what];
}
