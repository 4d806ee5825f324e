// What the sandbox is told to do: options in the model's name (`chat!tps=50`) and the body's `sandbox` object.

import { z } from "zod";
import { hashFraction } from "./hash";

const flag = z.literal(true);
const delayMs = z.number().min(0).max(600_000);

const optionsSchema = z
  .strictObject({
    /** Tokens a second; 0: all at once. */
    tps: z.number().min(0).max(100_000).default(0),
    ttft_ms: delayMs.default(0),
    tokens: z.int().min(1).max(100_000).optional(),
    reply: z.string().max(400_000).optional(),
    keep: z.string().min(1).max(200).optional(),
    reasoning: z.union([flag, z.string().min(1).max(400_000)]).optional(),
    calls: z.int().min(1).max(128).optional(),
    finish: z.string().min(1).max(40).optional(),
    refuse: flag.optional(),
    usage: z.literal("off").optional(),
    malformed: z.union([flag, z.literal("once")]).optional(),
    cut: z.int().min(0).optional(),
    status: z.int().min(400).max(599).optional(),
    times: z.int().min(1).optional(),
    rate: z.number().min(0).max(1).optional(),
    retry_after: z.number().min(0).max(86_400).optional(),
  })
  .refine((options) => !options.times || hasFault(options), {
    path: ["times"],
    error: "`times` says how often a fault happens: give status, cut or malformed too",
  });

export type SandboxOptions = z.infer<typeof optionsSchema>;

export type ParsedOptions =
  | { ok: true; model: string; options: SandboxOptions }
  | { ok: false; param: string; message: string };

/** `model` comes back without its options. The body's options win over the name's. */
export function parseOptions(modelName: string, bodyOptions: unknown): ParsedOptions {
  const [model = "", ...rest] = modelName.split("!");
  const fromBody = z.record(z.string(), z.unknown()).safeParse(bodyOptions ?? {});
  if (!fromBody.success) return { ok: false, param: "sandbox", message: "sandbox: expected an object" };
  const parsed = optionsSchema.safeParse({ ...nameOptions(rest.join("!")), ...fromBody.data });
  if (parsed.success) return { ok: true, model, options: parsed.data };
  const issue = parsed.error.issues[0];
  const param = ["sandbox", ...(issue?.path ?? [])].join(".");
  const known = `The options are ${Object.keys(optionsSchema.shape).join(", ")}.`;
  return { ok: false, param, message: `${param}: ${issue?.message ?? "invalid"}. ${known}` };
}

function hasFault(options: { status?: number; cut?: number; malformed?: unknown }): boolean {
  return options.status !== undefined || options.cut !== undefined || options.malformed !== undefined;
}

function nameOptions(text: string): Record<string, unknown> {
  const pairs = text.split(",").filter((pair) => pair.trim() !== "");
  return Object.fromEntries(
    pairs.map((pair) => {
      const [key = "", ...value] = pair.split("=");
      return [key.trim(), value.length === 0 ? true : nameValue(key.trim(), value.join("="))];
    }),
  );
}

function nameValue(key: string, text: string): unknown {
  if (key === "reply" || key === "keep" || key === "finish") return text;
  if (text === "true") return true;
  if (key === "reasoning") return text;
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** The faults of one call, once `times` and `rate` have been looked at. */
export type Faults = { status: number | null; cut: number | null; malformed: boolean };

/** `attempt` and `job` come from our own headers, so that nothing has to be remembered between two calls. */
export function faultsOf(options: SandboxOptions, job: string, attempt: number, repairing: boolean): Faults {
  if (!strikes(options, job, attempt)) return { status: null, cut: null, malformed: false };
  const flaky = options.rate !== undefined && !hasFault(options);
  return {
    status: options.status ?? (flaky ? 500 : null),
    cut: options.cut ?? null,
    malformed: options.malformed === true || (options.malformed === "once" && !repairing),
  };
}

function strikes(options: SandboxOptions, job: string, attempt: number): boolean {
  if (options.times !== undefined && attempt > options.times) return false;
  return options.rate === undefined || hashFraction(`${job}:${attempt}`) < options.rate;
}
