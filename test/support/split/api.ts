// The API as a Worker of its own, with the objects.

import api from "../../../src/api";

export { Clock } from "../../../src/durable/clock";
export { EventHub } from "../../../src/durable/event-hub";
export { Gate } from "../../../src/durable/gate";
export { JobLog } from "../../../src/durable/job-log";
export { StreamLog } from "../../../src/durable/stream-log";

export default api;
