// Budgets on the wire: limits, what is spent of them, and when they begin anew.

import { z } from "@hono/zod-openapi";
import type { Budget, BudgetLimits, Spending } from "../core/budget";

const count = z.int().min(1).max(1_000_000_000_000).nullable().optional();
const usd = z.number().min(0.000001).max(1_000_000).nullable().optional();

export const setBudgetSchema = z
  .strictObject({
    jobs_per_minute: count.openapi({ description: "Submits beyond it are refused with `quota_exceeded`." }),
    tokens_per_day: count.openapi({ description: "Input and output, of a day of UTC." }),
    usd_per_day: usd,
    usd_per_month: usd,
  })
  .refine((limits) => Object.values(limits).some((limit) => limit != null), {
    message: "expected at least one limit; DELETE takes them all away",
  })
  .openapi("SetBudget");

const spendingSchema = z
  .object({
    spent: z.number(),
    reserved: z.number().openapi({ description: "What jobs that run may still use." }),
    resets_at: z.iso.datetime(),
  })
  .openapi("Spending");

export const budgetSchema = z
  .object({
    object: z.literal("budget"),
    project: z.string(),
    key: z
      .string()
      .nullable()
      .openapi({ description: "Id of the key that it limits; null: the project as a whole." }),
    jobs_per_minute: z.int().nullable(),
    tokens_per_day: z.int().nullable(),
    usd_per_day: z.number().nullable(),
    usd_per_month: z.number().nullable(),
    use: z
      .object({ tokens_per_day: spendingSchema, usd_per_day: spendingSchema, usd_per_month: spendingSchema })
      .openapi({ description: "A job starts while `spent` and `reserved` together are below the limit." }),
  })
  .openapi("Budget");

export function toLimits(body: z.infer<typeof setBudgetSchema>): BudgetLimits {
  const { jobs_per_minute, tokens_per_day, usd_per_day, usd_per_month } = body;
  return {
    jobsPerMinute: jobs_per_minute ?? null,
    spending: {
      tokens_per_day: tokens_per_day ?? null,
      usd_per_day: usd_per_day ?? null,
      usd_per_month: usd_per_month ?? null,
    },
  };
}

export function presentBudget({ projectId, keyId, jobsPerMinute, spending }: Budget) {
  const { tokens_per_day, usd_per_day, usd_per_month } = spending;
  return {
    object: "budget" as const,
    project: projectId,
    key: keyId,
    jobs_per_minute: jobsPerMinute,
    tokens_per_day: tokens_per_day.limit,
    usd_per_day: usd_per_day.limit,
    usd_per_month: usd_per_month.limit,
    use: {
      tokens_per_day: presentSpending(tokens_per_day),
      usd_per_day: presentSpending(usd_per_day),
      usd_per_month: presentSpending(usd_per_month),
    },
  };
}

function presentSpending({ spent, reserved, resetsAt }: Spending) {
  return { spent, reserved, resets_at: new Date(resetsAt).toISOString() };
}
