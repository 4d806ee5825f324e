// `kill -9` of everything in the middle of work, and a start on the same data.

import { afterAll, beforeAll, expect, it } from "vitest";
import { Errand } from "../../client/src/index";
import { type DevServer, startDev } from "../../scripts/dev-server.mjs";
import { freePort } from "../../scripts/ports.mjs";
import { editDatabase, killGroup } from "../support/crash.mjs";
import { type Inbox, shortName } from "../support/inbox";
import { tempFolder } from "../support/project-copy.mjs";
import { type Provider, startProvider } from "../support/provider-server.mjs";
import { generate, Service } from "../support/service";

const channel = "crash";
const state = tempFolder();
let provider: Provider;
let server: DevServer | undefined;
let port: number;

async function start(): Promise<Service> {
  const env = {
    ROOT_KEY: "errand_root_of_the_restart_test",
    TOKEN_SECRET: "secret of the restart test, the same both times",
    PROVIDERS: JSON.stringify([{ name: "local", base_url: provider.url }]),
  };
  server = await startDev({ port, persistTo: state.folder, env, quiet: true });
  return new Service(server.url, server.key);
}

beforeAll(async () => {
  provider = await startProvider();
  port = await freePort();
});

afterAll(async () => {
  await server?.stop();
  await provider?.stop();
  state.remove();
});

/** Its doorbell is lost, its time has come, and the clock must look at it. */
const loseDoorbell = (id: string) =>
  editDatabase(state.folder, "UPDATE jobs SET run_at = 1, wake_at = 1 WHERE id = ?", id);

/** Nobody has heard of its run for longer than the lease. */
const endLease = (id: string) =>
  editDatabase(state.folder, "UPDATE jobs SET lease_until = 1, wake_at = 1 WHERE id = ?", id);

/** Of all that both sockets heard about a job, what is kept for replay. */
function story(id: string, ...sockets: Inbox[]): string[] {
  const events = sockets.flatMap((socket) => socket.events(id));
  return events.map(shortName).filter((name) => name !== "started");
}

it("after a crash every job is finished, and a listener who comes back loses and repeats nothing", async () => {
  const before = await start();
  const first = await before.listenToChannel(channel);
  const done = await before.submit(generate("local/ok", { channel }));
  const unheard = await before.submit(generate("local/ok", { channel, delay_s: 3_600 }));
  const running = await before.submit(generate("local/silent", { channel }));
  const delayed = await before.submit(generate("local/ok", { channel, delay_s: 2 }));
  const retrying = await before.submit(generate("local/later!1", { channel }));
  await provider.untilRequest(running.id);
  await first.untilType("job.completed", done.id);
  await first.untilType("job.retrying", retrying.id);
  await first.untilType("job.submitted", delayed.id);

  killGroup(server?.pid ?? 0);
  await Promise.all([server?.ended, first.closed]);
  await server?.stop(); // only its temporary files are left
  expect(loseDoorbell(unheard.id)).toBe(1);
  expect(endLease(running.id)).toBe(1);

  const after = await start();
  const second = await after.listenToChannel(channel, first.frames.at(-1)?.cursor);
  const calls = () => provider.requests.filter((request) => request.job === running.id);
  await expect.poll(() => calls().length, { timeout: 30_000 }).toBe(2);
  calls()[1]?.release();
  await second.untilEnded(4);

  for (const { id } of [unheard, delayed, retrying, running]) {
    expect((await after.get(`/v1/jobs/${id}`)).state).toBe("completed");
  }
  expect(await after.get(`/v1/jobs/${running.id}`)).toMatchObject({ run: 2, attempt: 1 });
  for (const { id } of [done, unheard, delayed, running]) {
    expect(story(id, first, second)).toEqual(["submitted", "completed"]);
  }
  expect(story(retrying.id, first, second)).toEqual(["submitted", "retrying", "completed"]);
  await second.close();
});

it("after a crash a live answer goes on as soon as its reader is back, who shows each character once", async () => {
  const { url: baseUrl, key } = server as DevServer;
  const stream = new Errand({ baseUrl, key }).generate({ prompt: "Count.", model: "local/dictated" });
  const { id } = await stream.job;
  const shown: string[] = [];
  const heard = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const part of stream) {
      if (part.type === "text") shown.push(part.text);
      if (part.type === "reset") shown.splice(0, shown.length, part.text);
      heard.resolve();
    }
  })();
  (await provider.untilRequest(id)).say("One, two, ");
  await heard.promise;
  expect(shown.join("")).toBe("One, two, ");

  killGroup(server?.pid ?? 0);
  await server?.ended;
  await server?.stop();
  const after = await start();

  const again = await provider.until((requests) => requests.filter(({ job }) => job === id)[1]);
  again.say("one, two, three.");
  again.release();
  await reading;
  expect(shown.join("")).toBe("one, two, three.");
  const job = await after.get(`/v1/jobs/${id}`);
  expect(job).toMatchObject({ state: "completed", run: 2, attempt: 1, output: { text: "one, two, three." } });
});
