// `errand.events`: what happens to the jobs of a channel, or to one job.

import type { Http } from "./http.ts";
import { Line, type Subject } from "./line.ts";
import { Subscription, type SubscriptionOptions } from "./subscription.ts";

export class Events {
  constructor(private readonly http: Http) {}

  /**
   * Listens from now on, and for as long as it is not closed: leave the `for await`, `close()`, or abort the signal. Of a
   * job it goes on after the job's end too, because the job may be run again.
   */
  subscribe(subject: Subject, options: SubscriptionOptions = {}): Subscription {
    // The second try goes another way than the first.
    const patience = Math.max(1, this.http.settings.maxRetries);
    return new Subscription(new Line(this.http, subject), patience, options);
  }
}
