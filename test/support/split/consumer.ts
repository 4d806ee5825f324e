// The consumer as a Worker of its own, with the objects.

import consumer from "../../../src/consumer";

export { Clock } from "../../../src/durable/clock";
export { EventHub } from "../../../src/durable/event-hub";
export { Gate } from "../../../src/durable/gate";
export { JobLog } from "../../../src/durable/job-log";
export { StreamLog } from "../../../src/durable/stream-log";

export default consumer;
