/** Most memory for keys, in bytes, counted roughly. */
const maxBytes = 16 * 1024 * 1024;

/** The memory of an entry besides its key, in bytes. */
const entryBytes = 120;

interface Entry {
  /** The turn in which it was added. */
  readonly turn: number;
  readonly at: number;
}

/** A message that was delivered without being kept. */
export interface Unkept extends Entry {
  readonly id: string;
  /** The counter of the delivery. */
  readonly count: number;
}

/**
 * Idempotency keys of the messages that this node delivered to members of rooms, or published, recently. The store recognises a key that comes
 * again, but not while it is down: then a message is delivered without being kept, and may be kept when its publisher retries.
 */
export class DeliveredKeys {
  readonly #entries = new Map<string, Entry>();
  /** Messages that were delivered without being kept, by their rooms. */
  readonly #unkept = new Map<string, Map<string, Unkept>>();
  readonly #keepMs: number;
  #bytes = 0;
  #turn = 0;

  /** @param keepMs - how long a key is remembered, in milliseconds: as long as the store does. After that it may be used anew */
  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  /** A counter that goes up with each key. A member that entered its room in an earlier turn than that of a message was there for it. */
  get turn(): number {
    return this.#turn;
  }

  /** @returns the turn in which a message was delivered; `undefined` if it was not, or if that is forgotten */
  turnOf(room: string, id: string): number | undefined {
    const entry = this.#entries.get(keyOf(room, id));
    return entry === undefined || performance.now() - entry.at >= this.#keepMs ? undefined : entry.turn;
  }

  /**
   * A message is delivered that is kept. If it was delivered unkept before, that stays remembered: a member that received it may not know
   * its position yet when its connection is lost.
   *
   * @returns as {@link turnOf}, before it was added
   */
  add(room: string, id: string): number | undefined {
    return this.#add(room, id);
  }

  /**
   * A message is delivered that is not kept.
   *
   * @param count - makes the counter of the delivery
   * @returns as {@link turnOf}, before it was added
   */
  addUnkept(room: string, id: string, count: () => number): number | undefined {
    const before = this.#add(room, id);
    if (before !== undefined) return before;
    const ofRoom = this.#unkept.get(room) ?? new Map<string, Unkept>();
    this.#unkept.set(room, ofRoom);
    ofRoom.set(id, { id, turn: this.#turn, at: performance.now(), count: count() });
    return undefined;
  }

  /** The messages that a member received without their being kept. @param entered - the turn in which it entered the room */
  unkeptSince(room: string, entered: number): readonly Unkept[] {
    const ofRoom = this.#unkept.get(room);
    return ofRoom === undefined ? none : [...ofRoom.values()].filter(({ turn }) => turn > entered);
  }

  #add(room: string, id: string): number | undefined {
    const before = this.turnOf(room, id);
    if (before !== undefined) return before;
    const key = keyOf(room, id);
    const now = performance.now();
    if (this.#entries.delete(key)) this.#bytes -= bytesOf(key);
    this.#entries.set(key, { turn: ++this.#turn, at: now });
    this.#bytes += bytesOf(key);
    this.#forget(now);
    return undefined;
  }

  #forget(now: number): void {
    for (const [key, { at }] of this.#entries) {
      if (now - at < this.#keepMs && this.#bytes <= maxBytes) return;
      this.#entries.delete(key);
      this.#bytes -= bytesOf(key);
      const end = key.indexOf('\0');
      this.#removeUnkept(key.slice(0, end), key.slice(end + 1));
    }
  }

  #removeUnkept(room: string, id: string): void {
    const ofRoom = this.#unkept.get(room);
    if (ofRoom?.delete(id) && ofRoom.size === 0) this.#unkept.delete(room);
  }
}

const none: readonly Unkept[] = [];

function keyOf(room: string, id: string): string {
  return `${room}\0${id}`;
}

function bytesOf(key: string): number {
  return 2 * key.length + entryBytes;
}
