/**
 * How long to wait after so many failures in a row, in milliseconds: 2 s, then twice as long each time, up to 30 s. It varies by a quarter, so that
 * not all pages try again together.
 */
export function pauseAfter(failures: number): number {
  return Math.min(1_000 * 2 ** failures, 30_000) * (0.75 + Math.random() / 2);
}
