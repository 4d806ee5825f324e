// The consumer as a Worker of its own.

import consumer from "../../../src/consumer";

export default consumer;
