/** Outcome of one call of a hook. */
export type HookOutcome<T> =
  | { readonly ended: 'returned'; readonly value: T }
  | { readonly ended: 'threw' | 'rejected'; readonly cause: unknown }
  | { readonly ended: 'timeout' };

/**
 * Calls a hook: each outcome is returned as a value.
 *
 * A hook that returns a value is not waited for. A promise has `timeoutMs` to settle; later results are ignored. A hook
 * that blocks the process cannot be stopped by anyone.
 *
 * @param timeoutMs - deadline, in milliseconds
 */
export function callHook<T>(call: () => T | Promise<T>, timeoutMs: number): HookOutcome<T> | Promise<HookOutcome<T>> {
  try {
    const returned = call();
    // Looking at what it returned may throw as well, as with a proxy that is revoked.
    return isThenable(returned) ? settle(returned, timeoutMs) : { ended: 'returned', value: returned };
  } catch (cause) {
    return { ended: 'threw', cause };
  }
}

function settle<T>(promise: PromiseLike<T>, timeoutMs: number): Promise<HookOutcome<T>> {
  return new Promise((resolve) => {
    const deadline = setTimeout(() => resolve({ ended: 'timeout' }), timeoutMs);
    const end = (outcome: HookOutcome<T>): void => {
      clearTimeout(deadline);
      resolve(outcome);
    };
    // A thenable may throw instead of rejecting; a promise that is resolved with it takes care of that.
    new Promise<T>((follow) => follow(promise)).then(
      (value) => end({ ended: 'returned', value }),
      (cause: unknown) => end({ ended: 'rejected', cause }),
    );
  });
}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && typeof (value as PromiseLike<T>).then === 'function';
}
