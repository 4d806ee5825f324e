// `errand keys`: the keys of a project.

import type { ApiKey, Scope } from "../wire-service.ts";
import { type Command, EXIT, type Invocation, WrongUsage } from "./command.ts";
import { type Column, drawTable } from "./table.ts";
import { tellInstant } from "./time-words.ts";
import { clean, wrap } from "./width.ts";

const SCOPES: readonly Scope[] = ["jobs:read", "jobs:write", "streams:read", "streams:write", "admin"];

export const keys: Command = {
  name: "keys",
  usage: [
    "list <project>",
    "create <project> [--name <name>] [--scope <scope>]…",
    "revoke <project> <key id>",
  ],
  summary: "List, create and revoke the keys of a project, with the root key or one with the scope admin.",
  notes: ["create prints the key alone, this once: nobody can look it up later."],
  options: {
    name: { type: "string", value: "<name>", says: "With create: what the key is for." },
    scope: {
      type: "string",
      value: "<scope>",
      multiple: true,
      choices: SCOPES,
      says: "With create, once for each. Default: jobs:read and jobs:write.",
    },
  },
  words: { least: 2, most: 3 },
  run,
};

async function run(call: Invocation): Promise<number> {
  const [what = "", project = "", id] = call.words;
  if (!["list", "create", "revoke"].includes(what))
    throw new WrongUsage(`errand keys cannot "${what}".`, "Use list, create or revoke.");
  if ((what === "revoke") !== (id !== undefined))
    throw new WrongUsage(
      what === "revoke" ? "Which key?" : `"${id}" is too much for errand keys ${what}.`,
      what === "revoke" ? "Give its id: errand keys list shows it." : null,
    );
  if (what === "list") return list(project, call);
  return what === "create" ? create(project, call) : revoke(project, id ?? "", call);
}

const COLUMNS: Column<ApiKey>[] = [
  { title: "KEY", cell: ({ id }) => id },
  { title: "NAME", cell: ({ name }) => clean(name ?? "-"), least: 8 },
  { title: "ENDS IN", cell: ({ hint }) => `…${clean(hint)}`, spare: 1 },
  { title: "SCOPES", cell: ({ scopes }) => scopes.join(" "), least: 9 },
  { title: "CREATED", cell: ({ created_at }) => tellInstant(created_at).slice(0, 10), spare: 2 },
];

async function list(project: string, { connect, screen, signal }: Invocation): Promise<number> {
  const all = await connect().keys.list(project, { signal });
  if (screen.isJson) for (const key of all) screen.printJson(key);
  else if (all.length === 0) screen.print(...wrap(`${clean(project)} has no keys.`, screen.width));
  else screen.print(...drawTable(COLUMNS, all, screen.width, (text) => screen.paint("dim", text)));
  return EXIT.fine;
}

async function create(project: string, { said, connect, screen, signal }: Invocation): Promise<number> {
  const scopes = said.texts("scope") as Scope[];
  const name = said.text("name");
  const made = await connect().keys.create(project, {
    name,
    scopes: scopes.length === 0 ? undefined : scopes,
    signal,
  });
  if (screen.isJson) screen.printJson(made);
  else screen.print(made.key);
  screen.hint(`${made.id} of ${made.project} may ${made.scopes.join(", ")}. It is not shown again.`);
  return EXIT.fine;
}

async function revoke(project: string, id: string, { connect, screen, signal }: Invocation): Promise<number> {
  await connect().keys.revoke(project, id, { signal });
  if (screen.isJson) screen.printJson({ id, project, revoked: true });
  else screen.print(`${id} revoked`);
  screen.hint("It stops working within 30 seconds.");
  return EXIT.fine;
}
