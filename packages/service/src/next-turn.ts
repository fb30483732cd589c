let pending: Promise<void> | undefined;

/**
 * Resolves after the rest of this turn of the event loop and the whole next one, reads and timers included. All that wait in one turn share it.
 */
export function nextTurn(): Promise<void> {
  pending ??= new Promise((resolve) => {
    setImmediate(() => {
      pending = undefined;
      setImmediate(resolve);
    });
  });
  return pending;
}
