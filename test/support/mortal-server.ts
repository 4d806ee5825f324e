// A local Errand that gets killed and comes back on the same data, again and again.

import { type DevServer, startDev } from "../../scripts/dev-server.mjs";
import { freePort } from "../../scripts/ports.mjs";
import { killGroup, readDatabase } from "./crash.mjs";
import { GATED } from "./crash-plan";
import type { Inbox } from "./inbox";
import { tempFolder } from "./project-copy.mjs";
import type { Provider } from "./provider-server.mjs";
import { Service } from "./service";

/** What stood at the moment of a kill. */
export type Kill = {
  at: number;
  /** Jobs that the database had as running, and by which run: that run is dead. */
  running: Map<string, number>;
  /** Jobs whose model call was neither answered nor given up. */
  open: Set<string>;
};

/** Lines worth counting; the others tell what is to be expected. */
const EXPECTED = /"event":"(run_ended|clock_pass)"| (101|200|201|202) |^QUEUE /;

export class MortalServer {
  readonly state = tempFolder();
  readonly kills: Kill[] = [];
  /** What the log said out of the ordinary, with the number of lives before it. */
  readonly remarks: string[] = [];
  private server: DevServer | undefined;
  private port = 0;
  private alive = Promise.withResolvers<Service>();

  constructor(
    private readonly provider: Provider,
    private readonly timing: Record<string, number>,
  ) {}

  /** The service, once it is there. */
  get up(): Promise<Service> {
    return this.alive.promise;
  }

  /** The process group everything runs in. */
  get pid(): number {
    return this.server?.pid ?? 0;
  }

  async start(): Promise<void> {
    this.port ||= await freePort();
    const env = {
      ROOT_KEY: "errand_root_of_the_mortal_server",
      TOKEN_SECRET: "secret of the mortal server, the same in every life",
      PROVIDERS: JSON.stringify([{ name: "local", base_url: this.provider.url }, this.limited()]),
      TIMING: JSON.stringify(this.timing),
    };
    const onLog = (line: string) => {
      if (!EXPECTED.test(line)) this.remarks.push(`${this.kills.length}: ${line}`);
    };
    const migrated = this.server !== undefined;
    this.server = await startDev({ port: this.port, persistTo: this.state.folder, env, migrated, onLog });
    this.alive.resolve(new Service(this.server.url, this.server.key));
  }

  /** A socket on a channel of whatever lives next. */
  readonly listen = async (channel: string, since?: string): Promise<Inbox> =>
    (await this.up).listenToChannel(channel, since);

  /** Few calls at once, so that a line forms at its gate. */
  private limited() {
    const name = GATED.replace("limited/", "");
    const models = [{ name, kind: "chat", rpm: 6_000, concurrency: 3 }];
    return { name: "limited", base_url: this.provider.url, models };
  }

  /** `kill -9` of all of it. */
  async kill(): Promise<Kill> {
    this.alive = Promise.withResolvers();
    const open = this.provider.requests.filter((request) => request.isOpen());
    const at = Date.now();
    killGroup(this.pid);
    await this.server?.ended;
    await this.server?.stop(); // only its temporary files are left
    const sql = "SELECT id, run FROM jobs WHERE state = 'running'";
    const rows = readDatabase<{ id: string; run: number }>(this.state.folder, sql);
    const running = new Map(rows.map(({ id, run }) => [id, run]));
    const kill = { at, running, open: new Set(open.map(({ job }) => job)) };
    this.kills.push(kill);
    return kill;
  }

  async stop(): Promise<void> {
    await this.server?.stop();
  }
}
