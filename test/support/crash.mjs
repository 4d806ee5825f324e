// What a power cut does, and what it leaves on the disk.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";

const D1 = ["d1", "miniflare-D1DatabaseObject"];
const HUBS = ["do", "errand-EventHub"];
const R2 = ["r2", "miniflare-R2BucketObject"];

/** Kills a whole process group without a warning. */
export function killGroup(pid) {
  process.kill(-pid, "SIGKILL");
}

/** The arguments of each process of a group, by its id. */
function processesOf(group) {
  if (!existsSync("/proc/self/stat")) {
    const lines = execFileSync("ps", ["-A", "-o", "pid=,pgid=,args="], { encoding: "utf8" }).split("\n");
    const found = lines.map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line)).filter((match) => match);
    return found.filter(([, , pgid]) => Number(pgid) === group).map(([, pid, , args]) => [Number(pid), args]);
  }
  return readdirSync("/proc").flatMap((pid) => {
    try {
      // After the name, which may hold blanks and brackets: state, parent, group.
      const [, , pgid] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ");
      return Number(pgid) === group ? [[Number(pid), readFileSync(`/proc/${pid}/cmdline`, "utf8")]] : [];
    } catch {
      return []; // not a process, or gone by now
    }
  });
}

/**
 * Process ids of the workerd that runs the Worker, not of wrangler's proxy, in the group of a dev server. None while
 * wrangler starts it again.
 */
export function findWorkerd(group) {
  // The proxy has no inspector. (By its address it could be told in its first life only.)
  const isUsers = ([, args]) => /\/workerd.*--inspector-addr=/s.test(args);
  return processesOf(group)
    .filter(isUsers)
    .map(([pid]) => pid);
}

/** Kills it without a warning; wrangler starts it again. Returns how many processes that were. */
export function killWorkerd(group) {
  const pids = findWorkerd(group);
  for (const pid of pids) process.kill(pid, "SIGKILL");
  return pids.length;
}

const isDatabase = (name) => /^[0-9a-f]{64}\.sqlite$/.test(name);
const folderOf = (state, parts) => path.join(state, "v3", ...parts);

/** Changes rows of the local D1 in a state folder that no server has open. Returns how many. */
export function editDatabase(state, sql, ...values) {
  const home = folderOf(state, D1);
  const db = new DatabaseSync(path.join(home, readdirSync(home).find(isDatabase)));
  try {
    return Number(db.prepare(sql).run(...values).changes);
  } finally {
    db.close();
  }
}

/** Rows of every database in a folder: of copies, so that what SQLite has to mend after a crash is left to the server. */
function readRows(state, parts, sql) {
  const home = folderOf(state, parts);
  if (!existsSync(home)) return [];
  const copy = mkdtempSync(path.join(os.tmpdir(), "errand-copy-"));
  try {
    cpSync(home, copy, { recursive: true });
    return readdirSync(copy)
      .filter(isDatabase)
      .flatMap((name) => {
        const db = new DatabaseSync(path.join(copy, name));
        try {
          return db.prepare(sql).all();
        } finally {
          db.close();
        }
      });
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** Rows of the local D1 in a state folder that no server has open. */
export const readDatabase = (state, sql) => readRows(state, D1, sql);

/** Every event that the hubs keep, as they lie on the disk. */
export function readKeptEvents(state) {
  return readRows(state, HUBS, "SELECT events FROM ring").flatMap(({ events }) => JSON.parse(events));
}

/** The key of every object in R2. */
export const readObjectKeys = (state) =>
  readRows(state, R2, "SELECT key FROM _mf_objects").map(({ key }) => key);
