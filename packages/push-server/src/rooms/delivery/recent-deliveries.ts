import type { Position } from '@gopush/contract';

/** A message that was given to the members of a room on a node. */
export interface Delivery {
  readonly room: string;
  readonly position: Position;
  /** Which of the node's deliveries it was. */
  readonly count: number;
}

/** How many deliveries are remembered. */
const capacity = 8_192;

/** Longest tail that is kept with a session. */
const maxTail = 1_000;

/**
 * What this node gave to rooms of late, in order: when a connection is lost, whatever was given within the time it takes to notice that may
 * not have arrived.
 */
export class RecentDeliveries {
  readonly #ring: Remembered[] = new Array(capacity);
  /** The same by their rooms, so that a lost connection costs what its own rooms were given. */
  readonly #byRoom = new Map<string, RoomDeliveries>();
  #next = 0;
  #count = 0;

  /** How many there have been, those to one client included. */
  get count(): number {
    return this.#count;
  }

  add(room: string, position: Position, now: number): void {
    const index = this.#next++ % capacity;
    const forgotten = this.#ring[index];
    if (forgotten !== undefined) this.#forget(forgotten.delivery.room);
    const one = { delivery: { room, position, count: ++this.#count }, at: now };
    this.#ring[index] = one;
    const ofRoom = this.#byRoom.get(room);
    if (ofRoom === undefined) this.#byRoom.set(room, { list: [one], first: 0 });
    else ofRoom.list.push(one);
  }

  /** Of each room the oldest is forgotten first, as in the ring. */
  #forget(room: string): void {
    const ofRoom = this.#byRoom.get(room) as RoomDeliveries;
    ofRoom.first++;
    if (ofRoom.first === ofRoom.list.length) this.#byRoom.delete(room);
    else if (ofRoom.first * 2 > ofRoom.list.length) {
      ofRoom.list.splice(0, ofRoom.first);
      ofRoom.first = 0;
    }
  }

  /** Counts what one client alone is given, which it remembers itself. */
  addOwn(): number {
    return ++this.#count;
  }

  /**
   * What was given to these rooms since a time, oldest first.
   *
   * @param joined - where the session began in each room: what came before it never got
   * @param own - what this client alone was given
   */
  since(time: number, joined: ReadonlyMap<string, Position | null>, own: readonly Delivery[] = []): Tail {
    const given: Delivery[] = [];
    for (const [room, began] of joined) this.#gather(given, room, began, time);
    given.sort((one, other) => one.count - other.count);
    // What comes before is not remembered, or too much: it has to have arrived.
    const oldest = this.#next > capacity ? this.#ring[this.#next % capacity] : undefined;
    const forgotten = oldest !== undefined && oldest.at >= time ? oldest.delivery.count - 1 : 0;
    const tooMuch = given.length > maxTail ? (given.at(-maxTail - 1) as Delivery).count : 0;
    const after = Math.max(forgotten, tooMuch);
    const tail = [...given.slice(-maxTail), ...own].filter(({ count }) => count > after);
    return { tail: tail.sort((one, other) => one.count - other.count), tailAfter: after };
  }

  /** Adds what a room was given since a time, newest first, and no more of it than a tail has and one. */
  #gather(given: Delivery[], room: string, began: Position | null, time: number): void {
    const ofRoom = this.#byRoom.get(room);
    if (ofRoom === undefined) return;
    const { list, first } = ofRoom;
    const last = Math.max(first, list.length - maxTail - 1);
    for (let index = list.length - 1; index >= last; index--) {
      const { delivery, at } = list[index] as Remembered;
      if (at < time) return;
      const { position } = delivery;
      if (began !== null && began.epoch === position.epoch && position.offset <= began.offset) continue;
      given.push(delivery);
    }
  }
}

interface Remembered {
  readonly delivery: Delivery;
  readonly at: number;
}

/** What a room was given, oldest first; what is before `first` is forgotten. */
interface RoomDeliveries {
  readonly list: Remembered[];
  first: number;
}

/** The last of what a client was given. */
export interface Tail {
  readonly tail: readonly Delivery[];
  /** Which of the node's deliveries it begins after, where there were others that may not have arrived; 0: there were none. */
  readonly tailAfter: number;
}
