// Reads an OpenAPI 3.1 document: its operations, and which of them a request meets.

import { fits, type Schema } from "./schema-arbitraries";

export type Parameter = { name: string; in: string; required?: boolean; schema: Schema };
type Content = Record<string, { schema?: Schema }>;

export type OpenApi = {
  paths: Record<string, Record<string, Described>>;
  components: { schemas: Record<string, Schema> };
};

type Described = {
  parameters?: Parameter[];
  requestBody?: { content: Content };
  responses: Record<string, { content?: Content }>;
  security?: object[];
};

export type Operation = {
  /** `GET /v1/jobs/{id}` */
  name: string;
  method: string;
  path: string;
  parameters: Parameter[];
  body: Schema | null;
  /** Whether it takes bytes of any type, and JSON is nothing special to it. */
  takesBytes: boolean;
  /** Status -> media type -> schema. */
  answers: Record<string, Content>;
  /** Whether it wants a key or token. */
  secured: boolean;
};

const JSON_TYPE = "application/json";
const ANY_TYPE = "*/*";

export function operationsOf(document: OpenApi): Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([name, { parameters = [], requestBody, responses, security = [] }]) => {
      const method = name.toUpperCase();
      const answers = Object.entries(responses).map(
        ([status, { content = {} }]) => [status, content] as const,
      );
      return {
        name: `${method} ${path}`,
        method,
        path,
        parameters,
        body: requestBody?.content[JSON_TYPE]?.schema ?? null,
        takesBytes: ANY_TYPE in (requestBody?.content ?? {}) && !(JSON_TYPE in (requestBody?.content ?? {})),
        answers: Object.fromEntries(answers),
        secured: security.length > 0,
      };
    }),
  );
}

/** What a request to this path really meets: the path of another may come of an odd id. Null: nothing documented. */
export function operationAt(operations: Operation[], method: string, pathname: string): Operation | null {
  const met = operations.filter((one) => one.method === method && patternOf(one.path).test(pathname));
  // As routers do: what stands there literally goes before a parameter.
  return met.toSorted((a, b) => a.path.split("{").length - b.path.split("{").length)[0] ?? null;
}

function patternOf(path: string): RegExp {
  const steps = path.split(/\{\w+\}/).map((step) => step.replace(/[.*+?^$()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${steps.join("[^/]+")}$`);
}

/** The task of a job decides which input it may have: from `input_schema` of GET /v1/tasks. */
export type TaskInput = { name: string; input_schema: Schema };

/** Far off, so that nothing that is taken in runs. */
const DELAYED: Schema = { type: "integer", minimum: 3_600, maximum: 31_622_400 };
const RUN_AT: Schema = { enum: ["2099-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"] };
const MODEL: Schema = { enum: ["sandbox/chat!reply=Hello", "sandbox/embedding"] };

/** Cursors are for the API to make and to read, so the document does not say what they look like. */
const CURSORS: Record<string, Schema> = {
  cursor: { type: "string", enum: ["job_01KAM2T2Q5W4R0E8Z6S3N7Y9XB", "job_7ZZZZZZZZZZZZZZZZZZZZZZZZZ"] },
  since: { type: "string", pattern: "^\\d{1,3}\\.\\d{1,2}$" },
};

/**
 * The same document, narrowed where it could not say more: jobs get the input of their task, a model that is there, and
 * a start that is far off; pauses are of tasks and pools that there are; cursors look like cursors.
 */
export function narrowed(document: OpenApi, tasks: TaskInput[]): OpenApi {
  return narrow(structuredClone(document), tasks) as OpenApi;
}

function narrow(node: unknown, tasks: TaskInput[]): unknown {
  if (Array.isArray(node)) return node.map((item) => narrow(item, tasks));
  if (typeof node !== "object" || node === null) return node;
  if (isSubmit(node)) return { anyOf: tasks.flatMap((task) => submitsOf(node, task)) };
  if (isGenerate(node)) return generateOf(node, tasks);
  if (isBatch(node)) return batchOf(node, tasks);
  if (isPause(node)) return pauseOf(node, tasks);
  if (isCursor(node)) return { ...node, schema: CURSORS[node.name] };
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, narrow(value, tasks)]));
}

function isBatch({ properties, required = [] }: Schema): boolean {
  return properties?.items !== undefined && properties.file_id !== undefined && required.includes("task");
}

/** Of items, since no file is there; one that is started, and not only estimated, begins far off. */
function batchOf(schema: Schema, tasks: TaskInput[]): Schema {
  const task = tasks.find(({ name }) => name === "generate");
  const { items, file_id: _, delay_s, run_at: __, defaults: ___, ...properties } = schema.properties ?? {};
  if (!task || !items) return schema;
  const item = {
    type: "object",
    properties: { input: inputOf(task, { example: { prompt: "Tea" } }) },
    required: ["input"],
  };
  const narrowed = { task: { const: task.name }, items: { ...items, items: item, maxItems: 3 } };
  const start: Record<string, Schema> = delay_s === undefined ? {} : { delay_s: DELAYED };
  return {
    ...schema,
    properties: { ...properties, ...narrowed, ...start },
    required: ["task", "items", ...Object.keys(start)],
  };
}

function isPause(node: Schema): boolean {
  return node.properties?.everywhere !== undefined && node.properties.pool !== undefined;
}

/** Of what is there; the document does not know the names. */
function pauseOf(schema: Schema, tasks: TaskInput[]): Schema {
  const [task, pool] = [tasks.map(({ name }) => name), ["sandbox/chat", "sandbox/embedding"]];
  return { ...schema, properties: { ...schema.properties, task: { enum: task }, pool: { enum: pool } } };
}

function isCursor(node: Partial<Parameter>): node is Parameter {
  return node.in === "query" && node.name !== undefined && node.name in CURSORS;
}

type Submit = Schema & { properties: Record<string, Schema>; required: string[] };

function isSubmit(node: Schema): node is Submit {
  const { properties, required = [] } = node;
  return properties?.delay_s !== undefined && required.includes("task") && required.includes("input");
}

/** A submit of one task, which need not be named. */
function isGenerate({ properties, required = [] }: Schema): boolean {
  return (
    properties?.expires_in_s !== undefined && properties.task === undefined && required.includes("input")
  );
}

function generateOf(schema: Schema, tasks: TaskInput[]): Schema {
  const [task] = tasks.filter(({ name }) => name === "generate");
  if (!task) return schema;
  const { properties = {} } = schema;
  return { ...schema, properties: { ...properties, input: inputOf(task, properties.input) } };
}

function inputOf({ input_schema }: TaskInput, documented: Schema | undefined): Schema {
  const inputs = { ...input_schema.properties };
  if (inputs.model) inputs.model = MODEL;
  const typed = { ...input_schema, properties: inputs };
  const { example } = documented ?? {};
  const shown = example !== undefined && fits(input_schema)(example).length === 0;
  return shown ? { anyOf: [typed, { const: example }] } : typed;
}

function submitsOf(schema: Submit, task: TaskInput): Schema[] {
  const { delay_s: _, run_at: __, ...properties } = schema.properties;
  const { name } = task;
  const input = inputOf(task, properties.input);
  const starts = { delay_s: DELAYED, run_at: RUN_AT };
  return Object.entries(starts).map(([field, start]) => ({
    ...schema,
    properties: { ...properties, task: { const: name }, input, [field]: start },
    required: [...schema.required, field],
  }));
}
