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
  readonly #ring: (readonly [Delivery, at: number])[] = new Array(capacity);
  #next = 0;

  /** How many there have been. */
  get count(): number {
    return this.#next;
  }

  add(room: string, position: Position, now: number): void {
    this.#ring[this.#next % capacity] = [{ room, position, count: ++this.#next }, now];
  }

  /**
   * What was given to these rooms since a time, oldest first.
   *
   * @param joined - where the session began in each room: what came before it never got
   * @returns `undefined` where it is not remembered, or too much
   */
  since(time: number, joined: ReadonlyMap<string, Position | null>): readonly Delivery[] | undefined {
    const tail: Delivery[] = [];
    for (let index = this.#next - 1; ; index--) {
      if (index < 0) break;
      if (index < this.#next - capacity) return undefined;
      const [delivery, at] = this.#ring[index % capacity] as readonly [Delivery, number];
      if (at < time) break;
      const { room, position } = delivery;
      const began = joined.get(room);
      if (began === undefined) continue;
      if (began !== null && began.epoch === position.epoch && position.offset <= began.offset) continue;
      tail.push(delivery);
      if (tail.length > maxTail) return undefined;
    }
    return tail.reverse();
  }
}

/** What is known of a client whose connection was lost. */
export interface LostClient {
  /** What it was given in its rooms. */
  readonly positions: readonly (readonly [string, Position | null])[];
  /** The last of it, in order. */
  readonly tail: readonly Delivery[];
  /** The node that gave it. */
  readonly node: string;
}

/**
 * Where a client stands in its rooms, as it knows itself: up to the last thing it got all that was given before has arrived, and nothing
 * after.
 *
 * @param last - the mark of the last thing it got
 * @returns `undefined` where that cannot be told
 */
export function rewind(
  { positions, tail, node }: LostClient,
  last: Position | undefined,
): Map<string, Position | null> | undefined {
  const stands = new Map(positions);
  if (tail.length === 0) return stands;
  if (last === undefined) return undefined;
  // A mark of the node says how many deliveries came before; one of a room is that of a delivery, or is older than all of these.
  const got = tail.findLastIndex(({ position, count }) =>
    last.epoch === node ? count <= last.offset : position.epoch === last.epoch && position.offset === last.offset,
  );
  // From the end, so that of several messages of a room the first one that is missing counts.
  for (let index = tail.length - 1; index > got; index--) {
    const { room, position } = tail[index] as Delivery;
    stands.set(room, { epoch: position.epoch, offset: position.offset - 1 });
  }
  return stands;
}
