/** How a message of a room or user reaches clients. */
export interface Saying {
  readonly event: string;
  readonly message: unknown;
  /** Arguments after the message for clients that asked for them by `go:marks`. */
  readonly extra: readonly unknown[];
  /** Arguments after the message for all others. */
  readonly always: readonly unknown[];
  /** By which a client tells that it has got this; absent where it cannot come back for it. */
  readonly mark: string | undefined;
}

let now: Saying | undefined;

/**
 * What is said by an event, where it is what is said now. Emitting is done before it returns, so there is one at a time; what listeners emit
 * meanwhile is something else.
 */
export function saidBy([event, message]: readonly unknown[]): Saying | undefined {
  return now?.event === event && now?.message === message ? now : undefined;
}

/** Emits a message of a room or user, so that each client gets it in the form that it wants. */
export function say(saying: Saying, emit: (...args: [event: string, ...args: unknown[]]) => void): void {
  now = saying;
  try {
    emit(saying.event, saying.message, ...saying.always);
  } finally {
    now = undefined;
  }
}
