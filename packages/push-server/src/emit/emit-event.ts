import type { ClientEvent } from '../rooms/delivery/client-event.ts';

let current: ClientEvent | undefined;

/**
 * The event of a room or user that is being emitted, if these arguments are its own. Emitting ends before it returns, so there is one at a
 * time; what listeners emit meanwhile has other arguments.
 */
export function emittedEvent([event, message]: readonly unknown[]): ClientEvent | undefined {
  return current?.event === event && current?.message === message ? current : undefined;
}

/** Emits an event of a room or user so that each client gets it in the form that it wants. */
export function emitEvent(event: ClientEvent, emit: (...args: [event: string, ...args: unknown[]]) => void): void {
  current = event;
  try {
    emit(event.event, event.message, ...event.always);
  } finally {
    current = undefined;
  }
}
