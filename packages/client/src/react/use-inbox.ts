import type { InboxMessage } from '@gopush/contract';
import { useSyncExternalStore } from 'react';
import type { Client } from '../client.ts';
import { inboxOf } from './open-inbox.ts';

const none: readonly InboxMessage[] = [];

/**
 * The messages in the user's inbox, oldest first; at most 32, which is how many the server sends before it waits. Each stays until `done` is called
 * with its id: it is then removed from the inbox, on all devices. Several components may show the inbox of a client.
 *
 * @example
 * const { messages, done } = useInbox(client);
 */
export function useInbox<Events extends object>(
  client: Client<Events>,
): { readonly messages: readonly InboxMessage[]; done(id: string): void } {
  const inbox = inboxOf(client);
  const messages = useSyncExternalStore(
    inbox.follow,
    () => inbox.messages,
    () => none,
  );
  return { messages, done: inbox.done };
}
