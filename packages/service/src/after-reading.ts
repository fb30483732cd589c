/**
 * Runs a callback after all data that has arrived by now was read. After the event loop was blocked, overdue timers run before reads: they would
 * count data as late that has arrived but was not read yet.
 */
export function afterReading(run: () => void): void {
  setImmediate(run);
}
