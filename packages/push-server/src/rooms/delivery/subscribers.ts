import type { Position } from '@gopush/contract';
import type { Publication } from '../codec/publication.ts';
import { publisherIdOf } from '../idempotency/idempotency-key.ts';

/** Something that was said, as those hear it who are no clients of Socket.IO. */
export interface SubscriberMessage {
  readonly event: string;
  readonly message: unknown;
  /** Uid of the client that published it; `undefined`: a program did, or senders are not recorded. */
  readonly sender?: string | undefined;
  /** The id that its publisher gave it. */
  readonly messageId?: string | undefined;
  /** `null`: it was not kept. */
  readonly position: Position | null;
}

/** A message as those are told of it. */
export function subscriberMessageOf(
  { event, message, sender, id }: Publication,
  position: Position | null,
): SubscriberMessage {
  return {
    event,
    message,
    ...(sender === undefined ? {} : { sender }),
    ...(id === undefined ? {} : { messageId: publisherIdOf(id) }),
    position,
  };
}

/** Hears rooms without being a client of Socket.IO. */
export interface Subscriber {
  /** @param said - the same object for all who hear it, so that work on it can be shared */
  receive(room: string, said: SubscriberMessage): void;
  gap(room: string, position: Position): void;
  /** It stands at a place now whose message it has had. */
  skip(room: string, position: Position): void;
  /** Its name as a member of rooms. */
  readonly id: string;
}

/** Who on this node hears which rooms besides the clients of Socket.IO. A room that nobody hears so costs one look. */
export interface Subscribers {
  add(room: string, subscriber: Subscriber): void;
  remove(room: string, subscriber: Subscriber): void;
  /** Those who hear a room; most often nobody. */
  of(room: string): Iterable<Subscriber>;
}

/** Opens the list of those who hear. */
export function createSubscribers(): Subscribers {
  const subscribers = new Map<string, Set<Subscriber>>();
  return {
    add(room, subscriber) {
      const set = subscribers.get(room);
      if (set === undefined) subscribers.set(room, new Set([subscriber]));
      else set.add(subscriber);
    },
    remove(room, subscriber) {
      const set = subscribers.get(room);
      if (set?.delete(subscriber) && set.size === 0) subscribers.delete(room);
    },
    of: (room) => subscribers.get(room) ?? nobody,
  };
}

const nobody: readonly Subscriber[] = [];
