import type { Logger } from '@gopush/service';

/** The same, and told where it fails later: nobody else looks. */
export function caught(result: unknown, fail: (error: unknown) => void): unknown {
  return result instanceof Promise ? result.catch(fail) : result;
}

/** The same function, but what it throws is logged. */
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
      // Some answer what they are asked, and fail later.
      caught(listener(...args), fail);
    } catch (error) {
      fail(error);
    }
  };
}
