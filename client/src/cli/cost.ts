// Dollars as a person reads them.

/** The ledger counts billionths. */
const MOST_DIGITS = 9;

/** To the cent; below a cent, which most calls cost, to two digits that count. */
export function tellCost(usd: number | null): string {
  if (usd === null) return "no price";
  const digits = usd > 0 && usd < 1 ? Math.min(MOST_DIGITS, 1 - Math.floor(Math.log10(usd))) : 2;
  return `$${usd.toFixed(digits)}`;
}
