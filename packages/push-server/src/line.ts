/** What one client asked for, done one after the other in the order in which it asked. */
export interface Line {
  /**
   * Does a task when those before it are done: at once where there are none.
   *
   * @param task - must not reject
   * @returns whether there was room for it
   */
  add(task: () => Promise<void>): boolean;
}

/**
 * A line that takes so many tasks at a time.
 *
 * @param max - tasks that are being done or wait
 */
export function createLine(max: number): Line {
  let count = 0;
  let last = Promise.resolve();
  return {
    add(task) {
      if (count >= max) return false;
      const done = count++ === 0 ? task() : last.then(task);
      last = done.finally(() => {
        count--;
      });
      return true;
    },
  };
}
