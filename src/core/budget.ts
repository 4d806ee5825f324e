// Budgets as the code sees them: limits of what a project, or one of its keys, may use, and how much of each is left.

/** What is used up by running jobs. Tokens and US dollars; days and months are those of UTC. */
export const SPENDING = ["tokens_per_day", "usd_per_day", "usd_per_month"] as const;
export type SpendingName = (typeof SPENDING)[number];

/** `reserved` is what runs under way may still use. `resetsAt` in milliseconds since 1970. */
export type Spending = { limit: number | null; spent: number; reserved: number; resetsAt: number };

export type BudgetLimits = { jobsPerMinute: number | null } & {
  spending: Record<SpendingName, number | null>;
};

/** `keyId`: of the one key that it limits; null: the project as a whole. */
export type BudgetKey = { projectId: string; keyId: string | null };

export type Budget = BudgetKey & {
  jobsPerMinute: number | null;
  spending: Record<SpendingName, Spending>;
};

/** A limit that nothing is left of. */
export type UsedUp = Spending & { name: SpendingName; limit: number; keyId: string | null };

/** A run may begin while anything is left, so that at most one reservation is overspent. */
export function findUsedUp({ keyId, spending }: Pick<Budget, "keyId" | "spending">): UsedUp[] {
  return SPENDING.flatMap((name) => {
    const { limit, ...rest } = spending[name];
    return limit !== null && rest.spent + rest.reserved >= limit ? [{ name, keyId, limit, ...rest }] : [];
  });
}

/** What is left for further reservations, in tokens and dollars; null: as much as you like. Only of what is not used up. */
export function roomIn({ spending }: Pick<Budget, "spending">): {
  tokens: number | null;
  usd: number | null;
} {
  const left = ({ limit, spent, reserved }: Spending) => (limit === null ? null : limit - spent - reserved);
  const dollars = [left(spending.usd_per_day), left(spending.usd_per_month)].filter((usd) => usd !== null);
  return { tokens: left(spending.tokens_per_day), usd: dollars.length > 0 ? Math.min(...dollars) : null };
}

/** What the error of a job says that does not wait for its budget. */
export function tellUsedUp({ name, keyId, limit, spent, reserved, resetsAt }: UsedUp): string {
  const whose = keyId === null ? "the project" : "its key";
  const when = new Date(resetsAt).toISOString();
  return (
    `The budget of ${whose} is used up (${name}): ${limit} are allowed, ${spent} are spent, ${reserved} are reserved ` +
    `by jobs that run. It begins anew at ${when}.`
  );
}
