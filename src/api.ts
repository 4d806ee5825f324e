// The API Worker: takes requests in, stores jobs, rings the queue.

import { createApp } from "./http/app";
import type { Env } from "./env";

const app = createApp();

export default { fetch: app.fetch } satisfies ExportedHandler<Env>;
