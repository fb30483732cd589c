import type { InboxMessage } from '@gopush/contract';
import type { Client } from '../client.ts';

/** The inbox of a client, for all components that show it. */
interface OpenInbox {
  readonly messages: readonly InboxMessage[];
  /** Calls back when the messages have changed. */
  readonly follow: (onChange: () => void) => () => void;
  /** Acknowledges a message. */
  readonly done: (id: string) => void;
}

const inboxes = new WeakMap<object, OpenInbox>();

/** The inbox of a client: opened when the first component follows it. */
export function inboxOf(client: Pick<Client, 'inbox'>): OpenInbox {
  const inbox = inboxes.get(client) ?? createInbox(client);
  inboxes.set(client, inbox);
  return inbox;
}

/** It stays open when no component shows it: what is in it is there at once when the next one does. */
function createInbox(client: Pick<Client, 'inbox'>): OpenInbox {
  let messages: readonly InboxMessage[] = [];
  let isOpen = false;
  const acknowledge = new Map<string, (value?: undefined) => void>();
  const followers = new Set<() => void>();
  const show = (next: readonly InboxMessage[]): void => {
    messages = next;
    for (const onChange of followers) onChange();
  };
  return {
    get messages() {
      return messages;
    },
    follow(onChange) {
      followers.add(onChange);
      if (!isOpen) {
        isOpen = true;
        client.inbox(
          (message) =>
            new Promise((resolve) => {
              acknowledge.set(message.id, resolve);
              show([...messages, message]);
            }),
        );
      }
      return () => void followers.delete(onChange);
    },
    done(id) {
      acknowledge.get(id)?.();
      acknowledge.delete(id);
      show(messages.filter((message) => message.id !== id));
    },
  };
}
