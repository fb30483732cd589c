import type { Subscriber } from './subscriber.ts';

/** The subscribers of rooms on this node that get live messages one by one: listeners. A room without them costs one lookup. */
export class Subscribers {
  readonly #byRoom = new Map<string, Set<Subscriber>>();

  add(room: string, subscriber: Subscriber): void {
    const set = this.#byRoom.get(room);
    if (set === undefined) this.#byRoom.set(room, new Set([subscriber]));
    else set.add(subscriber);
  }

  remove(room: string, subscriber: Subscriber): void {
    const set = this.#byRoom.get(room);
    if (set?.delete(subscriber) && set.size === 0) this.#byRoom.delete(room);
  }

  /** The subscribers of a room; most often none. */
  of(room: string): Iterable<Subscriber> {
    return this.#byRoom.get(room) ?? none;
  }
}

const none: readonly Subscriber[] = [];
