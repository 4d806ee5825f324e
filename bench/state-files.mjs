// Looks into the databases of a local Errand while it runs: rows of every table, and bytes on the disk.
import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";

const PARTS = {
  d1: ["d1", "miniflare-D1DatabaseObject"],
  hubs: ["do", "errand-EventHub"],
  clock: ["do", "errand-Clock"],
  objects: ["r2"],
};

const isDatabase = (name) => /(^|\/)[0-9a-f]{64}\.sqlite$/.test(name);
/** Of the platform, and of SQLite. */
const isForeign = (table) => /^(_cf_|_mf_|sqlite_|d1_)/.test(table);

function filesOf(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true }).map((name) => path.join(folder, name));
}

/** A reader of a database in WAL mode holds nobody up. */
function countRows(file) {
  const db = new DatabaseSync(file, { readOnly: true, timeout: 2_000 });
  try {
    const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
    const own = tables.map(({ name }) => name).filter((name) => !isForeign(name));
    return Object.fromEntries(
      own.map((name) => [name, db.prepare(`SELECT COUNT(*) AS n FROM "${name}"`).get().n]),
    );
  } finally {
    db.close();
  }
}

const sizeOf = (file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

/** For each part: bytes of all its files, and one object of row counts for each of its databases. */
export function readState(folder) {
  const parts = Object.entries(PARTS).map(([name, at]) => {
    const files = filesOf(path.join(folder, "v3", ...at));
    const databases = name === "objects" ? [] : files.filter(isDatabase).map(countRows);
    return [name, { bytes: files.reduce((sum, file) => sum + sizeOf(file), 0), databases }];
  });
  return Object.fromEntries(parts);
}
