/**
 * Runs some work once at a time. Calls during a run share one further run, which begins after it.
 *
 * @param work - does not reject
 * @returns resolves when a run that began after the call has ended
 */
export function joinRuns(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  function run(): Promise<void> {
    running = work().finally(() => {
      running = undefined;
    });
    return running;
  }
  return () => {
    if (next !== undefined) return next;
    if (running === undefined) return run();
    next = running.then(() => {
      next = undefined;
      return run();
    });
    return next;
  };
}
