// Clients of a server that dies: they submit without a pause, repeat what got no answer, and know what was accepted.

import type { JobOnWire } from "../../src/contract/job";
import type { CrashPlan, Planned, PlannedRequest } from "./crash-plan";
import type { MortalServer } from "./mortal-server";
import type { Random } from "./random";
import type { Answer, Service } from "./service";

/** At a time. */
const CLIENTS = 24;
/** Requests whose client waits a while for the end of the job. */
const WAIT_SHARE = 0.6;
/** Clients that give up when the connection dies, and never learn whether their jobs were taken in. */
const GIVE_UP_SHARE = 0.15;

export class CrashLoad {
  /** By id: a 2xx was seen. */
  readonly accepted = new Map<string, Planned>();
  /** Nobody knows. */
  readonly unknown: PlannedRequest[] = [];
  /** By id: what the answer to a cancel said. */
  readonly stopped = new Map<string, JobOnWire>();
  /** Answers that were neither a success nor a dead connection. */
  readonly oddities: string[] = [];
  repeated = 0;
  private ending = false;
  private readonly checks = new Set<() => void>();
  private readonly clients: Promise<void>[] = [];

  constructor(
    private readonly server: MortalServer,
    private readonly plan: CrashPlan,
    private readonly random: Random,
  ) {}

  start(): void {
    for (let i = 0; i < CLIENTS; i++) this.clients.push(this.client());
  }

  /** Resolves when no request is under way any more. */
  async finish(): Promise<void> {
    this.ending = true;
    await Promise.all(this.clients);
  }

  /** Resolves when so many jobs have been accepted in all. */
  untilAccepted(count: number): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (this.accepted.size < count) return;
        this.checks.delete(check);
        resolve();
      };
      this.checks.add(check);
      check();
    });
  }

  private async client(): Promise<void> {
    while (!this.ending) {
      const request = this.plan.next();
      const headers = {
        "idempotency-key": request.key,
        ...(this.random.chance(WAIT_SHARE) && { prefer: "wait=2" }),
      };
      const answer = await this.send((service) =>
        service.post<JobOnWire & { data?: JobOnWire[] }>(request.path, request.body, headers),
      );
      if (!answer) {
        this.unknown.push(request);
        continue;
      }
      for (const [i, job] of (answer.body.data ?? [answer.body]).entries()) {
        const planned = request.jobs[i];
        if (planned) this.accepted.set(job.id, planned);
        if (planned?.cancel) await this.cancel(job.id);
      }
      for (const check of this.checks) check();
    }
  }

  private async cancel(id: string): Promise<void> {
    const answer = await this.send((service) => service.post(`/v1/jobs/${id}/cancel`));
    if (answer) this.stopped.set(id, answer.body);
  }

  /** Sends until there is an answer. Undefined: the connection died, and this client does not come back. */
  private async send<T>(call: (service: Service) => Promise<Answer<T>>): Promise<Answer<T> | undefined> {
    for (;;) {
      const service = await this.server.up;
      const answer = await call(service).catch(() => undefined);
      if (answer && answer.status < 300) return answer;
      if (answer) this.oddities.push(`${answer.status} ${JSON.stringify(answer.body).slice(0, 200)}`);
      if (!answer && this.random.chance(GIVE_UP_SHARE)) return undefined;
      this.repeated += 1;
    }
  }
}
