#!/usr/bin/env node
// A stand-in for wrangler: keeps an account in the file FAKE_ACCOUNT and refuses what Cloudflare would refuse.
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";

const file = process.env.FAKE_ACCOUNT;
const account = JSON.parse(readFileSync(file, "utf8"));
const args = process.argv.slice(2);
const called = args.join(" ").replace(/--secrets-file \S+/, "--secrets-file FILE");
account.calls = [...(account.calls ?? []), called];

function refuse(message) {
  writeFileSync(file, JSON.stringify(account));
  console.error(`✘ [ERROR] ${message}`);
  process.exit(1);
}

function deploy() {
  if (!account.migrated) refuse("the test wants tables before code");
  const at = args.indexOf("--secrets-file");
  const secrets = at < 0 ? {} : JSON.parse(readFileSync(args[at + 1], "utf8"));
  account.secrets = { ...account.secrets, ...secrets };
  account.worker = true;
  const targets = ["https://errand.example.workers.dev", "schedule: * * * * *"];
  const entry = { type: "deploy", version: 1, targets };
  appendFileSync(process.env.WRANGLER_OUTPUT_FILE_PATH, `${JSON.stringify(entry)}\n`);
}

const commands = {
  "whoami --json": () => {
    console.log(JSON.stringify({ loggedIn: account.loggedIn, accounts: account.accounts ?? [] }));
    if (!account.loggedIn) refuse("not logged in");
  },
  login: () => {
    account.loggedIn = true;
  },
  "secret list": () => {
    if (!account.worker) refuse('Worker "errand" not found.');
    console.log(JSON.stringify(Object.keys(account.secrets).map((name) => ({ name, type: "secret_text" }))));
  },
  "d1 info": () => {
    if (!account.database) refuse("Couldn't find a D1 DB named 'errand' (bound as 'errand') in the API.");
  },
  "d1 create": () => {
    account.database = true;
  },
  "d1 migrations apply errand --remote": () => {
    if (!account.database) refuse("Couldn't find a D1 DB named 'errand'.");
    account.migrated = true;
  },
  deploy,
};

const name = Object.keys(commands).find((start) => called === start || called.startsWith(`${start} `));
if (!name) refuse(`no such command: ${called}`);
if (account.breaks === name) refuse("something is broken");
commands[name]();
writeFileSync(file, JSON.stringify(account));
