// Errand with a counter around its database, its objects' storage and its bucket; GET /__rows tells the
// counts and resets them.
import worker, {
  Clock as RealClock,
  EventHub as RealEventHub,
  Gate as RealGate,
  JobLog as RealJobLog,
  StreamLog as RealStreamLog,
} from "../src/worker";

// One isolate runs everything in local dev, so that one counter hears of all.
let counts = noCounts();

function noCounts() {
  return {
    d1_written: 0,
    d1_read: 0,
    object_written: 0,
    alarms_set: 0,
    r2_puts: 0,
    queue_messages: 0,
    stream_written: 0,
    stream_requests: 0,
    statements: [],
  };
}

function note(sql, meta) {
  counts.d1_written += meta.rows_written;
  counts.d1_read += meta.rows_read;
  const name = sql.trim().split(/\s+/).slice(0, 4).join(" ");
  if (meta.rows_written > 0) counts.statements.push(`${name}: ${meta.rows_written}`);
}

class CountedStatement {
  constructor(real, sql) {
    this.real = real;
    this.sql = sql;
  }

  bind(...values) {
    return new CountedStatement(this.real.bind(...values), this.sql);
  }

  async all() {
    const result = await this.real.all();
    note(this.sql, result.meta);
    return result;
  }

  run() {
    return this.all();
  }

  /** By `all`, because the real `first` does not tell what it cost. */
  async first(column) {
    const { results } = await this.all();
    const row = results[0] ?? null;
    return row && column !== undefined ? row[column] : row;
  }
}

function countedDatabase(db) {
  return {
    prepare: (sql) => new CountedStatement(db.prepare(sql), sql),
    async batch(statements) {
      const results = await db.batch(statements.map((statement) => statement.real));
      for (const [i, result] of results.entries()) note(statements[i].sql, result.meta);
      return results;
    },
  };
}

function countedBucket(bucket) {
  return new Proxy(bucket, {
    get(target, name) {
      if (name === "put") counts.r2_puts += 1;
      const value = target[name];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function countedQueue(queue) {
  return {
    async send(...message) {
      counts.queue_messages += 1;
      await queue.send(...message);
    },
    async sendBatch(messages) {
      counts.queue_messages += messages.length;
      await queue.sendBatch(messages);
    },
    metrics: () => queue.metrics(),
  };
}

// Kept, because the code under test remembers things by the identity of its bindings.
const countedEnvs = new WeakMap();

function counted(env) {
  const known = countedEnvs.get(env) ?? {
    ...env,
    DB: countedDatabase(env.DB),
    BUCKET: countedBucket(env.BUCKET),
    JOBS_QUEUE: countedQueue(env.JOBS_QUEUE),
    BULK_QUEUE: countedQueue(env.BULK_QUEUE),
  };
  countedEnvs.set(env, known);
  return known;
}

const patched = new WeakSet();

/** Puts `onCall` after a method of all objects of this kind. */
function listenIn(object, method, onCall) {
  const prototype = Object.getPrototypeOf(object);
  const real = prototype[method];
  if (patched.has(real)) return;
  prototype[method] = function (...args) {
    const result = real.apply(this, args);
    onCall(result, args);
    return result;
  };
  patched.add(prototype[method]);
}

function countStorage({ storage }) {
  const onRows = (cursor, [sql]) => {
    counts.object_written += cursor.rowsWritten;
    if (/^(INSERT|UPDATE|DELETE).* (streams|chunks)\b/.test(sql)) counts.stream_written += cursor.rowsWritten;
  };
  const onRow = () => {
    counts.object_written += 1;
  };
  listenIn(storage.sql, "exec", onRows);
  listenIn(storage.kv, "put", onRow);
  listenIn(storage, "setAlarm", () => {
    counts.alarms_set += 1;
  });
}

export class Clock extends RealClock {
  constructor(ctx, env) {
    countStorage(ctx);
    super(ctx, counted(env));
  }
}

export class EventHub extends RealEventHub {
  constructor(ctx, env) {
    countStorage(ctx);
    super(ctx, counted(env));
  }
}

export class Gate extends RealGate {
  constructor(ctx, env) {
    countStorage(ctx);
    super(ctx, counted(env));
  }
}

/** The platform bills twenty messages as one request. */
const MESSAGES_PER_REQUEST = 20;

export class JobLog extends RealJobLog {
  constructor(ctx, env) {
    countStorage(ctx);
    super(ctx, counted(env));
  }

  fetch(request) {
    counts.stream_requests += 1;
    return super.fetch(request);
  }

  leave(...args) {
    counts.stream_requests += 1;
    return super.leave(...args);
  }

  webSocketMessage(...args) {
    counts.stream_requests += 1 / MESSAGES_PER_REQUEST;
    return super.webSocketMessage(...args);
  }
}

export class StreamLog extends RealStreamLog {
  constructor(ctx, env) {
    countStorage(ctx);
    super(ctx, counted(env));
  }
}

export default {
  fetch(request, env, ctx) {
    if (new URL(request.url).pathname !== "/__rows") return worker.fetch(request, counted(env), ctx);
    const answer = Response.json(counts);
    counts = noCounts();
    return answer;
  },
  queue: (batch, env, ctx) => worker.queue(batch, counted(env), ctx),
  scheduled: (controller, env, ctx) => worker.scheduled(controller, counted(env), ctx),
};
