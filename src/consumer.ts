// The consumer Worker: answers doorbells from the queues, and runs the jobs.

import { createDeps } from "./deps";
import { answerDoorbells } from "./engine/answer";
import { wakeClock } from "./engine/arm-clock";
import { runBatch } from "./engine/run-batch";
import type { Doorbell, Env } from "./env";
import { errorField, log } from "./log";
import { createRunDeps } from "./run-deps";

export default {
  async queue(batch, env, ctx) {
    if (batch.queue.endsWith("-dead")) return buryDead(batch);
    try {
      const deps = createDeps(env, ctx);
      const answer = await answerDoorbells(
        deps,
        batch.messages.map((message) => message.body),
      );
      batch.ackAll();
      // In waitUntil, so that local dev can start the next batch at once (see scripts/dev.mjs). In production the
      // handler is not over, and the acknowledgement not given, until this is.
      ctx.waitUntil(runBatch(createRunDeps(deps, env), answer));
    } catch (error) {
      log("doorbells_unanswered", { messages: batch.messages.length, error: errorField(error) });
      putBack(batch);
    }
  },

  /** Watchdog: should the clock ever have lost its alarm, this sets it again. */
  async scheduled(_controller, env, ctx) {
    await wakeClock(createDeps(env, ctx));
  },
} satisfies ExportedHandler<Env, Doorbell>;

const FIRST_PUT_BACK_S = 2;
const LONGEST_PUT_BACK_S = 60;

/** D1 is away. By `retry`, not by throwing: a throw counts as a failed consumer, and slows its autoscaling. */
function putBack(batch: MessageBatch<Doorbell>): void {
  for (const message of batch.messages) {
    const delaySeconds = Math.min(
      LONGEST_PUT_BACK_S,
      FIRST_PUT_BACK_S * 2 ** Math.min(message.attempts - 1, 10),
    );
    message.retry({ delaySeconds });
  }
}

/** Doorbells that nobody could answer. Their jobs are in D1, and the clock looks at them in any case. */
function buryDead(batch: MessageBatch<Doorbell>): void {
  for (const { body } of batch.messages) log("dead_letter", { project: body.p, job: body.id });
  log("dead_letters", { count: batch.messages.length });
  batch.ackAll();
}
