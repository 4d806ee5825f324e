// `errand.tasks`: what the deployment can do.

import type { Http } from "./http.ts";
import type { CallOptions } from "./submit-options.ts";
import type { List, Task } from "./wire-lists.ts";

export class TaskList {
  constructor(private readonly http: Http) {}

  /** All tasks, with the JSON Schemas of their inputs and outputs. */
  async list({ signal }: CallOptions = {}): Promise<Task[]> {
    return (await this.http.json<List<Task>>({ method: "GET", path: "/v1/tasks", signal })).data;
  }
}
