// The line of a pool: its pending jobs, as the gate reads them. Nothing is written for waiting.

import type { Backlog, Filling } from "../core/gate/gate";
import type { Ticket } from "../core/gate/ticket";
import type { Lane } from "../core/lifecycle";
import { IS_USED_UP } from "./budgets";
import { ask, fromJson, type JobKey, pairs } from "./db";
import { NOT_PAUSED } from "./pauses";
import { DUE } from "./startable";

export type Line = { flows: Filling[]; running: Ticket[]; weights: Map<string, number> };

/** Jobs of a flow that are read at once, flows, and running jobs: a gate holds a window of its line, not the line. */
const HEAD = 50;
const FLOWS = 300;
const RUNNING = 5_000;

const IN_LINE = "pool = ?1 AND wake_at IS NOT NULL AND follows IS NULL";

const firstFlow = (where: string) => `(SELECT json_array(project_id, lane) FROM jobs INDEXED BY jobs_in_line
  WHERE ${IN_LINE}${where} ORDER BY project_id, lane LIMIT 1)`;

/**
 * Each project and lane that has open jobs in this pool, found by leaps through the index rather than by reading it: the next
 * lane of the project, or the next project. (Comparing both at once would walk to the end of the flow.)
 */
const EACH_FLOW = `WITH RECURSIVE
  leap(flow) AS (
    SELECT ${firstFlow("")}
    UNION ALL
    SELECT COALESCE(${firstFlow(" AND project_id = leap.flow->>0 AND lane > leap.flow->>1")},
      ${firstFlow(" AND project_id > leap.flow->>0")})
    FROM leap WHERE leap.flow IS NOT NULL LIMIT ${FLOWS}
  ),
  flows AS (SELECT flow->>0 AS p, flow->>1 AS l FROM leap WHERE flow IS NOT NULL)`;

const OF_FLOW = `FROM jobs INDEXED BY jobs_in_line WHERE ${IN_LINE} AND project_id = flows.p AND lane = flows.l`;

/** As hasDetour in core/gate/ticket.ts. */
const HAS_DETOUR = `(route IS NOT NULL AND pool NOT LIKE 'task:%' AND EXISTS (
  SELECT 1 FROM json_each(route, '$.targets') AS target WHERE target.key > route->>'at' AND target.value->>'out' IS NULL))`;

const TICKET = `json_object('projectId', project_id, 'id', id, 'task', task, 'lane', lane, 'priority', priority, 'runAt', run_at,
  'inputChars', COALESCE(input_chars, input_bytes), 'maxOutputTokens', max_output_tokens, 'fairKey', fair_key,
  'concurrencyKey', concurrency_key, 'concurrencyLimit', concurrency_limit, 'hasDetour', ${HAS_DETOUR})`;

type StoredTicket = Omit<Ticket, "concurrency" | "hasDetour"> & {
  concurrencyKey: string | null;
  concurrencyLimit: number | null;
  hasDetour: number;
};

/** The heads of all flows that may start something, what runs in the pool, and the weights of projects that have one. */
export async function readLine(db: D1Database, pool: string): Promise<Line> {
  const heads = `${EACH_FLOW} SELECT p AS project_id, l AS lane, (SELECT json_group_array(json(ticket)) FROM (
      SELECT ${TICKET} AS ticket ${OF_FLOW} AND ${DUE} AND ${NOT_PAUSED}
      ORDER BY priority DESC, run_at, id LIMIT ${HEAD})) AS tickets
    FROM flows WHERE NOT EXISTS (SELECT 1 FROM budgets AS b WHERE b.project_id = p AND b.key_id = '' AND ${IS_USED_UP})`;
  const running = `SELECT ${TICKET} AS ticket FROM jobs INDEXED BY jobs_in_pool
    WHERE pool = ?1 AND state = 'running' LIMIT ${RUNNING}`;
  const weights = "SELECT id, weight FROM projects WHERE weight IS NOT NULL";
  const [flows, runs, weighted] = await ask(
    db.batch([db.prepare(heads).bind(pool), db.prepare(running).bind(pool), db.prepare(weights)]),
  );
  type HeadRow = { project_id: string; lane: Lane; tickets: string };
  const rows = (flows?.results ?? []) as HeadRow[];
  return {
    flows: rows.map(({ project_id, lane, tickets }) => {
      const head = (fromJson<StoredTicket[]>(tickets) ?? []).map(toTicket);
      return { projectId: project_id, lane, tickets: head, complete: head.length < HEAD };
    }),
    running: ((runs?.results ?? []) as { ticket: string }[]).map(({ ticket }) =>
      toTicket(JSON.parse(ticket) as StoredTicket),
    ),
    weights: new Map(
      ((weighted?.results ?? []) as { id: string; weight: number }[]).map(({ id, weight }) => [id, weight]),
    ),
  };
}

function toTicket({ concurrencyKey, concurrencyLimit, hasDetour, ...same }: StoredTicket): Ticket {
  const concurrency = concurrencyKey === null ? null : { key: concurrencyKey, limit: concurrencyLimit ?? 1 };
  return { ...same, concurrency, hasDetour: hasDetour === 1 };
}

/** Pools that have open jobs. */
export async function findLines(db: D1Database): Promise<string[]> {
  const sql = `WITH RECURSIVE leap(pool) AS (
      SELECT (SELECT MIN(pool) FROM jobs INDEXED BY jobs_in_line
        WHERE pool IS NOT NULL AND wake_at IS NOT NULL AND follows IS NULL)
      UNION ALL
      SELECT (SELECT MIN(pool) FROM jobs INDEXED BY jobs_in_line
        WHERE pool > leap.pool AND wake_at IS NOT NULL AND follows IS NULL)
      FROM leap WHERE leap.pool IS NOT NULL LIMIT ${FLOWS})
    SELECT pool FROM leap WHERE pool IS NOT NULL`;
  const { results } = await ask(db.prepare(sql).all<{ pool: string }>());
  return results.map(({ pool }) => pool);
}

/** More than so many of a flow are not counted: counting a million takes a database a second. */
const COUNTED = 100_000;

type Place = Pick<Ticket, "projectId" | "lane" | "priority" | "runAt" | "id">;

/** At most 100,000 of each flow are counted. */
export async function countLine(db: D1Database, pool: string, place: Place | null): Promise<Backlog[]> {
  const counted = (more: string) =>
    `(SELECT COUNT(*) FROM (SELECT 1 ${OF_FLOW} AND ${DUE} ${more} LIMIT ${COUNTED}))`;
  const before = "AND (priority > ?4 OR (priority = ?4 AND (run_at < ?5 OR (run_at = ?5 AND id < ?6))))";
  const sql = `${EACH_FLOW} SELECT p AS projectId, l AS lane, ${counted("")} AS jobs,
      CASE WHEN p = ?2 AND l = ?3 THEN ${counted(before)} END AS ahead FROM flows`;
  const { projectId, lane, priority, runAt, id } = place ?? NOWHERE;
  const query = db.prepare(sql).bind(pool, projectId, lane, priority, runAt, id);
  return (await ask(query.all<Backlog>())).results.filter(({ jobs }) => jobs > 0);
}

const NOWHERE = { projectId: "", lane: "", priority: 0, runAt: 0, id: "" };

/** How the database sees jobs that a gate has given a slot to. What is missing was erased. */
export type SlotState = JobKey & { isRunning: number; isWaiting: number };

export async function lookAtSlots(db: D1Database, keys: JobKey[]): Promise<SlotState[]> {
  const sql = `SELECT project_id AS projectId, id, state = 'running' AS isRunning, ${DUE} AS isWaiting
    FROM jobs WHERE (project_id, id) IN (SELECT value->>0, value->>1 FROM json_each(?1))`;
  return (await ask(db.prepare(sql).bind(pairs(keys)).all<SlotState>())).results;
}
