// An app that has the client from npm: what it does with it is printed, one line of JSON each.

import { Errand, JobFailedError } from "errand";

declare const process: { argv: string[] };

declare module "errand" {
  interface Tasks {
    render: { input: { url: string }; output: { png: string } };
  }
}

const [baseUrl = "", key = ""] = process.argv.slice(2);
const backend = new Errand({ baseUrl, key });
const input = { prompt: "Say hello.", model: "sandbox/chat!reply=Hello" };
const print = (line: unknown) => console.log(JSON.stringify(line));

/** What the app's backend does for a user who is logged in. */
async function getToken(): Promise<string> {
  const response = await fetch(`${baseUrl}/v1/tokens`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ channel: "user-42", allow: ["read", "submit"] }),
  });
  return ((await response.json()) as { token: string }).token;
}

const job = await backend.jobs.run("generate", input);
print({ run: job.output.text });

const failing = backend.jobs.run("generate", { ...input, model: "sandbox/chat!status=400" });
print({ failed: await failing.catch((error) => error instanceof JobFailedError && error.job.error?.code) });

const frontend = new Errand({ baseUrl, getToken });
const subscription = frontend.events.subscribe({ channel: "user-42" });
await subscription.next();
const mine = await frontend.jobs.submit("generate", input);
for await (const frame of subscription) if (frame.type === "job.completed" && frame.job_id === mine.id) break;
print({ heard: (await frontend.jobs.get<{ text: string }>(mine.id)).output?.text });

const told = await frontend.jobs.submit("generate", input, { stream: true });
print({ read: await frontend.jobs.stream(told.id).text() });

const written = backend.generate(input, { channel: "user-42" });
print({ generated: await written.text(), channel: (await written.job).channel });

// A task of the app's own, which this server does not have.
const unknown = backend.jobs.run("render", { url: "https://example.com" }).then(({ output }) => output.png);
print({ refused: await unknown.catch((error) => error.code) });

export function compiles() {
  // @ts-expect-error: not the input of the app's own task
  return backend.jobs.submit("render", { uri: "https://example.com" });
}

export function compilesNeither() {
  // @ts-expect-error: no task, neither the client's nor the app's
  return backend.jobs.submit("rendr", { url: "https://example.com" });
}

export function compilesForNobody() {
  // @ts-expect-error: not the input of the task
  return backend.generate({ promt: "tea" });
}
