// What a power cut does, and what time does to a database while nobody runs.
import { readdirSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Kills a whole process group without a warning. */
export function killGroup(pid) {
  process.kill(-pid, "SIGKILL");
}

/** Changes rows of the local D1 in a state folder that no server has open. Returns how many. */
export function editDatabase(folder, sql, ...values) {
  const home = path.join(folder, "v3", "d1", "miniflare-D1DatabaseObject");
  const file = readdirSync(home).find((name) => /^[0-9a-f]{64}\.sqlite$/.test(name));
  const db = new DatabaseSync(path.join(home, file));
  try {
    return Number(db.prepare(sql).run(...values).changes);
  } finally {
    db.close();
  }
}
