// The API Worker: takes requests in, stores jobs, rings the queue.

import type { Env } from "./env";
import { createApp } from "./http/app";

const app = createApp();

export default { fetch: app.fetch } satisfies ExportedHandler<Env>;
