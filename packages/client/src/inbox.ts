import type { events, InboxMessage } from '@gopush/contract';
import type { ClientSocket } from './socket.ts';

/** How many messages are remembered, so that one that is given again is not handled again. */
const remembered = 1_000;

/**
 * Gives each message of the user's inbox to a handler once, and acknowledges it when that is done. What the handler rejects is not
 * acknowledged: the server gives it again.
 *
 * @param connections - counts the connections there were
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
    // The acks of each connection have numbers of their own; what was not acknowledged is given again.
    if (socket.connected && connection === connections()) ack(id);
  };
  const event: typeof events.inbox = 'go:inbox';
  socket.on(event, onMessage);
  return () => void socket.off(event, onMessage);
}
