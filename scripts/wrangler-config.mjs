// Reads the few values of wrangler.toml that the scripts need, without a TOML library.
import { readFileSync } from "node:fs";
import path from "node:path";

const HEADER = /^[ \t]*\[\[?[ \t]*([\w.-]+)[ \t]*\]\]?/;
const KEY = /^[ \t]*([\w-]+)[ \t]*=[ \t]*/;
const STRING = /^(?:"""\r?\n?([\s\S]*?)"""|'''\r?\n?([\s\S]*?)'''|"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)')/;
const ESCAPES = { n: "\n", t: "\t", r: "\r", '"': '"', "\\": "\\" };

function resolveEscapes(text) {
  return text.replace(/\\(["\\ntr])/g, (_, mark) => ESCAPES[mark]);
}

function readString(text) {
  const match = STRING.exec(text);
  if (!match) return undefined;
  const [all, longBasic, longLiteral, basic, literal] = match;
  const escaped = longBasic ?? basic;
  return {
    length: all.length,
    value: escaped === undefined ? (longLiteral ?? literal) : resolveEscapes(escaped),
  };
}

/** Arrays of strings only; anything else in them is passed over. */
function readArray(text) {
  const value = [];
  let at = 1;
  while (at < text.length && text[at] !== "]") {
    const found = readString(text.slice(at));
    if (found) value.push(found.value);
    if (text[at] === "#") at += Math.max(text.slice(at).search(/\n|$/), 1);
    else at += found?.length ?? 1;
  }
  return { length: at + 1, value };
}

function readValue(text) {
  if (text.startsWith("[")) return readArray(text);
  const raw = /^[^#\n]*/.exec(text)[0];
  return readString(text) ?? { length: raw.length, value: raw.trim() };
}

/** {"": top-level keys, vars: {...}, ...}; of repeated tables the last one counts. */
export function parseToml(text) {
  const tables = { "": {} };
  let table = tables[""];
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at);
    const header = HEADER.exec(rest);
    const key = header ? undefined : KEY.exec(rest);
    if (header) {
      table = tables[header[1]] = {};
    } else if (key) {
      const { length, value } = readValue(rest.slice(key[0].length));
      table[key[1]] = value;
      at += key[0].length + length;
    }
    const lineEnd = text.indexOf("\n", at);
    at = lineEnd === -1 ? text.length : lineEnd + 1;
  }
  return tables;
}

export function readWranglerConfig(root) {
  const tables = parseToml(readFileSync(path.join(root, "wrangler.toml"), "utf8"));
  return {
    accountId: tables[""].account_id,
    database: tables.d1_databases?.database_name,
    flags: tables[""].compatibility_flags ?? [],
    vars: tables.vars ?? {},
  };
}
