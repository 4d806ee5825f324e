// The whole of Errand in one script: the API, the consumer and the objects.

import api from "./api";
import consumer from "./consumer";
import type { Doorbell, Env } from "./env";

export { Clock } from "./durable/clock";
export { EventHub } from "./durable/event-hub";
export { Gate } from "./durable/gate";
export { JobLog } from "./durable/job-log";
export { StreamLog } from "./durable/stream-log";

export default { ...api, ...consumer } satisfies ExportedHandler<Env, Doorbell>;
