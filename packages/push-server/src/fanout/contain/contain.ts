import type { Logger } from '@gopush/service';

/** Handles a rejection of the value that a function returned, if it is a promise. */
export function caught(result: unknown, fail: (error: unknown) => void): unknown {
  return result instanceof Promise ? result.catch(fail) : result;
}

/** Makes a listener log errors that it throws. */
export function contain<Args extends unknown[]>(
  listener: (...args: Args) => unknown,
  log: Logger,
): (...args: Args) => void {
  const fail = (error: unknown): void =>
    log.error(
      { err: error },
      'a message from another push-server cannot be decoded or handled; does it run another version, or is socket.data not JSON?',
    );
  return (...args) => {
    try {
      // Some listeners respond to a question, and fail later.
      caught(listener(...args), fail);
    } catch (error) {
      fail(error);
    }
  };
}
