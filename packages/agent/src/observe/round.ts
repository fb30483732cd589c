/** Rounds to three decimals, as numbers stand in log lines. */
export function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
