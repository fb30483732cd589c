/** Most that is remembered, in bytes of memory, counted roughly. */
const maxBytes = 16 * 1024 * 1024;

/** What an entry takes besides its key, in bytes. */
const entryBytes = 120;

interface Entry {
  /** Which of the entries it was. */
  readonly turn: number;
  readonly at: number;
}

/** A message that went out without being kept. */
export interface Unkept extends Entry {
  readonly id: string;
  /** Which of the node's deliveries it was. */
  readonly count: number;
}

/**
 * The ids of messages that this node has given to the members of rooms, or has published, of late. The store recognises an id that comes
 * again, but not while it is away: then a message goes out without being kept, and may be kept when its publisher tries again.
 */
export class DeliveredKeys {
  readonly #entries = new Map<string, Entry>();
  /** Those that were given without being kept, by their rooms. */
  readonly #unkept = new Map<string, Map<string, Unkept>>();
  readonly #keepMs: number;
  #bytes = 0;
  #turn = 0;

  /** @param keepMs - how long an id is remembered, in milliseconds: as long as the store remembers it, after which it may be used anew */
  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  /** Goes up with each id. Whoever entered a room in an earlier turn than that of a message was there when it was given. */
  get turn(): number {
    return this.#turn;
  }

  /** @returns in which turn a message was given, `undefined` where it was not, or that is forgotten */
  turnOf(room: string, id: string): number | undefined {
    const entry = this.#entries.get(keyOf(room, id));
    return entry === undefined || performance.now() - entry.at >= this.#keepMs ? undefined : entry.turn;
  }

  /**
   * A message is given that is kept. One that was given unkept before stays among those: a member that had it may not have been told its
   * place yet when its connection is cut.
   *
   * @returns as {@link turnOf}, before it was added
   */
  add(room: string, id: string): number | undefined {
    return this.#add(room, id);
  }

  /**
   * A message is given that is not kept.
   *
   * @param count - which of the node's deliveries it is
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

  /** What a member of a room has had without its being kept then. @param entered - in which turn it came */
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
