// Times that were measured along the way, printed once at the end.

export function createReport(where: string) {
  const times: string[] = [];
  return {
    add: (what: string, ms: number) => void times.push(`  ${Math.round(ms)} ms: ${what}`),
    print: () => console.info([`Measured with ${where}:`, ...times].join("\n")),
  };
}
