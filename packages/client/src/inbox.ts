import type { events, InboxMessage } from '@gopush/contract';
import type { ClientSocket } from './socket.ts';

/** Most messages that are remembered, so that one that comes again is not handled again. */
const remembered = 1_000;

/**
 * Passes each message of the user's inbox to a handler once, and acknowledges it when the handler is done. A message that the handler rejects is not
 * acknowledged, so the server sends it again.
 *
 * @param connections - how many connections have ended
 */
export function handleInbox(
  socket: ClientSocket,
  connections: () => number,
  handler: (message: InboxMessage) => unknown,
): () => void {
  const handled = new Map<string, Promise<unknown>>();
  const onMessage = async (message: InboxMessage, ack: (id: string) => void): Promise<void> => {
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
  return () => void socket.off(event, onMessage);
}
