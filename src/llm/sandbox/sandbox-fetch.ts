// The built-in provider: a fetch that speaks OpenAI's wire format, with faults on request and no network.

import type { z } from "zod";
import { estimateTokens } from "../../core/usage";
import { delay } from "../delay";
import type { Fetch } from "../fetch";
import { complete } from "./completion";
import { jsonResponse, streamResponse } from "./completion-response";
import { hash } from "./hash";
import { type Faults, faultsOf, parseOptions, type SandboxOptions } from "./options";
import { type ChatBody, chatBody, embeddingsBody } from "./request";
import { embedText } from "./vectors";

type Call = { job: string; attempt: number; signal: AbortSignal | null };

/** Deterministic: the same request, job and attempt get the same answer. */
export const sandboxFetch: Fetch = async (url, init) => {
  const request = new Request(url, init);
  const path = new URL(request.url).pathname.replace(/^\/v1/, "");
  const call: Call = {
    job: request.headers.get("x-errand-job") ?? "",
    attempt: Number(request.headers.get("x-errand-attempt") ?? 1),
    // Not `request.signal`: in workerd a Request made here never aborts.
    signal: init?.signal ?? null,
  };
  call.signal?.throwIfAborted();
  if (path === "/models") return listModels();
  if (path === "/chat/completions") return withBody(request, chatBody, (body) => answerChat(body, call));
  if (path === "/embeddings")
    return withBody(request, embeddingsBody, (body) => answerEmbeddings(body, call));
  return failure(404, "not_found", `The sandbox has no ${path}.`);
};

async function withBody<T extends z.ZodType>(
  request: Request,
  schema: T,
  answer: (body: z.infer<T>) => Promise<Response>,
): Promise<Response> {
  const raw: unknown = await request.json().catch(() => null);
  const parsed = schema.safeParse(raw);
  if (parsed.success) return answer(parsed.data);
  const issue = parsed.error.issues[0];
  const param = issue?.path.join(".") ?? "";
  return failure(400, "invalid_request", `${param}: ${issue?.message}`, { param });
}

/** `limited` is as `chat`; its limits are those of the catalogue, for its gate to keep to. */
const CHAT_MODELS = ["chat", "limited"];

async function answerChat(body: ChatBody, call: Call): Promise<Response> {
  const parsed = parseOptions(body.model, body.sandbox);
  if (!parsed.ok) return failure(400, "sandbox_option_invalid", parsed.message, { param: parsed.param });
  const { model, options } = parsed;
  if (!CHAT_MODELS.includes(model)) return unknownModel(model);
  // A conversation in which the model has spoken is taken for a repair round.
  const repairing = body.messages.some((message) => message.role === "assistant");
  const faults = faultsOf(options, call.job, call.attempt, repairing);
  if (faults.status !== null) return statusFault(faults.status, options);
  const delivery = {
    id: `chatcmpl-${hash(JSON.stringify(body.messages)).toString(16)}`,
    model: body.model,
    completion: complete(body, options, jsonFaults(body, faults)),
    options,
    cut: faults.cut,
    includeUsage: body.stream_options?.include_usage === true,
    signal: call.signal,
  };
  return body.stream ? streamResponse(delivery) : jsonResponse(delivery);
}

// Text cannot be malformed.
function jsonFaults(body: ChatBody, faults: Faults): Faults {
  const format = body.response_format?.type ?? "text";
  return { ...faults, malformed: faults.malformed && format !== "text" };
}

async function answerEmbeddings(body: z.infer<typeof embeddingsBody>, call: Call): Promise<Response> {
  const parsed = parseOptions(body.model, body.sandbox);
  if (!parsed.ok) return failure(400, "sandbox_option_invalid", parsed.message, { param: parsed.param });
  const { model, options } = parsed;
  if (model !== "embedding") return unknownModel(model);
  const faults = faultsOf(options, call.job, call.attempt, false);
  if (faults.status !== null) return statusFault(faults.status, options);
  await delay(options.ttft_ms, call.signal);
  const inputs = typeof body.input === "string" ? [body.input] : body.input;
  const data = inputs.map((text, index) => ({
    object: "embedding",
    index,
    embedding: embedText(text, body.dimensions),
  }));
  const tokens = inputs.reduce((sum, text) => sum + estimateTokens(text), 0);
  const usage = options.usage === "off" ? {} : { usage: { prompt_tokens: tokens, total_tokens: tokens } };
  return Response.json({ object: "list", model: body.model, data, ...usage });
}

function statusFault(status: number, options: SandboxOptions): Response {
  const headers =
    options.retry_after === undefined ? undefined : { "retry-after": String(options.retry_after) };
  return failure(status, `sandbox_${status}`, `The sandbox was told to answer ${status}.`, { headers });
}

function unknownModel(model: string): Response {
  return failure(
    404,
    "model_not_found",
    `The sandbox has no model "${model}": it has chat, limited and embedding.`,
  );
}

function listModels(): Response {
  const data = [...CHAT_MODELS, "embedding"].map((id) => ({
    id,
    object: "model",
    created: 0,
    owned_by: "errand",
  }));
  return Response.json({ object: "list", data });
}

type FailureDetails = { param?: string; headers?: Record<string, string> };

function failure(status: number, code: string, message: string, details: FailureDetails = {}): Response {
  const type = status >= 500 ? "server_error" : "invalid_request_error";
  const error = { message, type, code, param: details.param ?? null };
  return Response.json({ error }, { status, headers: details.headers });
}
