/**
 * Runs when what has arrived by now is read. After the event loop was busy, overdue timers come first, and would take for late what only has
 * not been read.
 */
export function afterReading(run: () => void): void {
  setImmediate(run);
}
