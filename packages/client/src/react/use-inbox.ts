import type { InboxMessage } from '@gopush/contract';
import { useCallback, useEffect, useRef, useState } from 'react';
import type { Client } from '../client.ts';

const none: readonly InboxMessage[] = [];

/**
 * The messages in the user's inbox. Each stays until `done` is called with its id: it is then removed from the inbox, on all devices.
 *
 * @example
 * const { messages, done } = useInbox(client);
 */
export function useInbox<Events extends object>(
  client: Client<Events>,
): { readonly messages: readonly InboxMessage[]; done(id: string): void } {
  const [messages, setMessages] = useState(none);
  const finish = useRef<(id: string) => void>(() => {});

  useEffect(() => {
    const open = new Map<string, { resolve(value?: undefined): void; reject(error: Error): void }>();
    const off = client.inbox(
      (message) =>
        new Promise((resolve, reject) => {
          open.set(message.id, { resolve, reject });
          setMessages((before) => [...before, message]);
        }),
    );
    finish.current = (id) => {
      open.get(id)?.resolve();
      open.delete(id);
      setMessages((before) => before.filter((message) => message.id !== id));
    };
    return () => {
      off();
      // They are delivered again to the next component that shows the inbox.
      for (const { reject } of open.values()) reject(new Error('the component is not mounted'));
      setMessages(none);
    };
  }, [client]);
  return { messages, done: useCallback((id: string) => finish.current(id), []) };
}
