// Asks a chat model for JSON, and gives it one chance to repair an answer that does not fit.

import { z } from "zod";
import { AppError } from "../core/errors";
import { again, done, type Outcome } from "../core/outcome";
import type { ChatMessage, ChatRequest, ChatResult } from "../llm/llm";
import { checkAnswer, type JsonSchema } from "../llm/structured";
import type { TaskContext } from "./define";

/** What a turn leaves for the next one: an answer that is paid for, and what is wrong with it. */
const repairState = z.object({ answer: z.string(), problems: z.array(z.string()) });

/**
 * What the task is to return. `schema` null: any JSON will do. `toOutput` gets no `json` of an answer that calls tools. Throws
 * `output_invalid` and `output_truncated`.
 */
export async function askJson<Output>(
  ctx: TaskContext,
  request: ChatRequest,
  schema: JsonSchema | null,
  toOutput: (answer: ChatResult, json?: unknown) => Output,
): Promise<Outcome<Output>> {
  const begun = repairState.safeParse(ctx.state);
  if (begun.success) return repair(ctx, request, begun.data, schema, toOutput);
  const answer = await ctx.llm.chat(request);
  if (answer.tool_calls.length > 0) return done(toOutput(answer));
  const first = checkJson(answer, schema);
  if (first.ok) return done(toOutput(answer, first.value));
  ctx.log("answer.repair", { problems: first.problems.length });
  return repair(ctx, request, { answer: answer.text, problems: first.problems }, schema, toOutput);
}

/**
 * One repair round, not streamed: who watches has seen an answer, and a second would run into the first. When its turn at the
 * gate is far away, the job goes back into the line with what it has.
 */
async function repair<Output>(
  ctx: TaskContext,
  { onText, onReasoning, onToolCall, ...request }: ChatRequest,
  wrong: z.infer<typeof repairState>,
  schema: JsonSchema | null,
  toOutput: (answer: ChatResult, json: unknown) => Output,
): Promise<Outcome<Output>> {
  try {
    const settings = request.tools ? { ...request, tool_choice: "none" as const } : request;
    const messages = [...request.messages, ...repairMessages(wrong)];
    const repaired = await ctx.llm.chat({ ...settings, messages });
    const second = checkJson(repaired, schema);
    if (second.ok) return done(toOutput(repaired, second.value));
  } catch (error) {
    if (!(error instanceof AppError && error.code === "gate_wait")) throw error;
    return again(wrong, error.retryAfterMs ?? 0);
  }
  throw new AppError("output_invalid");
}

function checkJson(answer: ChatResult, schema: JsonSchema | null) {
  if (answer.finish_reason === "length") throw new AppError("output_truncated");
  return checkAnswer(answer.text, schema);
}

function repairMessages({ answer, problems }: z.infer<typeof repairState>): ChatMessage[] {
  const list = problems.map((problem) => `- ${problem}`).join("\n");
  const content = `Your answer does not fit the request:\n${list}\nAnswer again, with the right JSON only.`;
  return [
    { role: "assistant", content: answer },
    { role: "user", content },
  ];
}
