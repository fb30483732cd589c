/**
 * Runs a callback after all data that has arrived by now was read. After the event loop was blocked, overdue timers
 * run before reads, and would take data for late that has arrived and was not read yet.
 */
export function afterReading(run: () => void): void {
  setImmediate(run);
}
