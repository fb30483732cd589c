import type { events, InboxMessage } from '@gopush/contract';
import type { OpenSocket } from './socket.ts';

/** Most messages that are remembered, so that one that comes again is not handled again. */
const remembered = 1_000;

/** How long the server waits for the ack of a message before it sends it again, in milliseconds. */
const ackMs = 30_000;

/** Most messages that wait for a handler. The server sends fewer at a time. */
const waiting = 100;

type Acknowledge = (id: string) => void;

/** Messages that arrive before there is a handler. The server would send them again, but only after `ackMs`. */
export class EarlyMessages {
  readonly #held = new Map<string, readonly [message: InboxMessage, ack: Acknowledge, at: number]>();

  hold(message: InboxMessage, ack: Acknowledge): void {
    this.#held.delete(message.id);
    this.#held.set(message.id, [message, ack, Date.now()]);
    const [oldest] = this.#held.keys();
    if (this.#held.size > waiting && oldest !== undefined) this.#held.delete(oldest);
  }

  /** Those whose ack the server still waits for. */
  take(): [message: InboxMessage, ack: Acknowledge][] {
    const held = [...this.#held.values()].filter(([, , at]) => Date.now() - at < ackMs);
    this.#held.clear();
    return held.map(([message, ack]) => [message, ack]);
  }

  /** Acks belong to one connection: after its end the server sends the messages again. */
  forget(): void {
    this.#held.clear();
  }
}

/**
 * Passes each message of the user's inbox to a handler once, and acknowledges it when the handler is done. A message that the handler rejects is not
 * acknowledged, so the server sends it again.
 *
 * @param connections - how many connections have ended
 * @param early - messages that have arrived before
 */
export function handleInbox(
  socket: OpenSocket,
  connections: () => number,
  early: EarlyMessages,
  handler: (message: InboxMessage) => unknown,
): () => void {
  const handled = new Map<string, Promise<unknown>>();
  const onMessage = async (message: InboxMessage, ack: Acknowledge): Promise<void> => {
    const { id } = message;
    const connection = connections();
    const done = handled.get(id) ?? Promise.resolve(message).then(handler);
    // The newest are last.
    handled.delete(id);
    handled.set(id, done);
    for (const oldest of handled.keys()) {
      if (handled.size <= remembered) break;
      handled.delete(oldest);
    }
    try {
      await done;
    } catch {
      handled.delete(id);
      return;
    }
    // Ack ids belong to one connection; a message without an ack comes again.
    if (socket.connected && connection === connections()) ack(id);
  };
  const event: typeof events.inbox = 'go:inbox';
  socket.on(event, onMessage);
  for (const [message, ack] of early.take()) void onMessage(message, ack);
  return () => void socket.off(event, onMessage);
}
