import type { Position } from '@gopush/contract';

/** A message that a node delivered to the members of a room. */
export interface Delivery {
  readonly room: string;
  readonly position: Position;
  /** The counter of the delivery at the node. */
  readonly count: number;
}

/** How many deliveries are remembered. */
const capacity = 8_192;

/** Longest tail that is stored with a session. */
const maxTail = 1_000;

/**
 * What this node delivered to rooms recently, in order. When a connection is lost, messages that were delivered in the time until that is
 * noticed may not have arrived.
 */
export class RecentDeliveries {
  readonly #ring: Remembered[] = new Array(capacity);
  /** The same by rooms, so that a lost connection takes time for its own rooms only. */
  readonly #byRoom = new Map<string, RoomDeliveries>();
  #next = 0;
  #count = 0;

  /** The counter of deliveries, those to one client included. */
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

  /** Forgets the oldest delivery of a room: the ring forgets in that order. */
  #forget(room: string): void {
    const ofRoom = this.#byRoom.get(room) as RoomDeliveries;
    ofRoom.first++;
    if (ofRoom.first === ofRoom.list.length) this.#byRoom.delete(room);
    else if (ofRoom.first * 2 > ofRoom.list.length) {
      ofRoom.list.splice(0, ofRoom.first);
      ofRoom.first = 0;
    }
  }

  /** Counts a delivery to one client alone. Its session remembers it. @returns the counter */
  addOwn(): number {
    return ++this.#count;
  }

  /**
   * The deliveries to some rooms since a time, oldest first.
   *
   * @param joined - the position at which the session entered each room: it never got earlier messages
   * @param own - deliveries to this client alone
   */
  since(time: number, joined: ReadonlyMap<string, Position | null>, own: readonly Delivery[] = []): Tail {
    const given: Delivery[] = [];
    for (const [room, began] of joined) this.#gather(given, room, began, time);
    given.sort((one, other) => one.count - other.count);
    // Deliveries before are forgotten, or too many: the client counts as having received them.
    const oldest = this.#next > capacity ? this.#ring[this.#next % capacity] : undefined;
    const forgotten = oldest !== undefined && oldest.at >= time ? oldest.delivery.count - 1 : 0;
    const tooMuch = given.length > maxTail ? (given.at(-maxTail - 1) as Delivery).count : 0;
    const after = Math.max(forgotten, tooMuch);
    const tail = [...given.slice(-maxTail), ...own].filter(({ count }) => count > after);
    return { tail: tail.sort((one, other) => one.count - other.count), tailAfter: after };
  }

  /** Adds the deliveries to a room since a time, newest first, at most one more than a tail has. */
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

/** The deliveries to a room, oldest first; those before `first` are forgotten. */
interface RoomDeliveries {
  readonly list: Remembered[];
  first: number;
}

/** The last deliveries to a client. */
export interface Tail {
  readonly tail: readonly Delivery[];
  /** The counter after which the tail begins, if earlier deliveries may not have arrived either; 0: there were none. */
  readonly tailAfter: number;
}
