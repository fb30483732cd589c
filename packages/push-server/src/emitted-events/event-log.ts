import type { Position } from '@gopush/contract';

/** An event that a program has sent, as it went out to the clients of this node. */
export interface Emitted {
  readonly namespace: string;
  /** Rooms of Socket.IO that get it; none: all clients of the namespace. */
  readonly rooms: readonly string[];
  /** Rooms whose members do not get it. */
  readonly except: readonly string[];
  /** Where it stands in the stream of events that it belongs to. Its mark says the same to clients. */
  readonly place: Position;
  /** Which of the node's deliveries it was. */
  readonly count: number;
  /** When it went out, in milliseconds since 1970. */
  readonly at: number;
  /** As Socket.IO's parser made it: a text, and what is binary. */
  readonly encoded: readonly (string | Buffer)[];
  readonly compress: boolean | undefined;
}

/** How much is kept. What is more makes the oldest be forgotten. */
export interface EmittedBounds {
  readonly bytes: number;
  readonly count: number;
  /** In milliseconds. */
  readonly ageMs: number;
}

/** What an event takes besides its content, in bytes: counted roughly. */
const entryBytes = 256;

/** What it takes for each room. */
const roomBytes = 32;

/** The events of one room, oldest first; what is before `first` is forgotten. */
interface OfRoom {
  readonly list: Emitted[];
  first: number;
}

/** Events that programs have sent of late, by their rooms: whoever comes back costs what its own rooms were sent. */
export class EventLog {
  readonly #bounds: EmittedBounds;
  readonly #onForget: (one: Emitted) => void;
  readonly #byRoom = new Map<string, OfRoom>();
  #queue: Emitted[] = [];
  #first = 0;
  #bytes = 0;

  /** @param onForget - told of each event that is not kept any more */
  constructor(bounds: EmittedBounds, onForget: (one: Emitted) => void) {
    this.#bounds = bounds;
    this.#onForget = onForget;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#queue.length - this.#first;
  }

  add(one: Emitted): void {
    this.#queue.push(one);
    this.#bytes += sizeOf(one);
    for (const key of keysOf(one)) {
      const ofRoom = this.#byRoom.get(key);
      if (ofRoom === undefined) this.#byRoom.set(key, { list: [one], first: 0 });
      else ofRoom.list.push(one);
    }
    this.trim(one.at);
  }

  /** Forgets what is too old, or too much. */
  trim(now: number): void {
    const { bytes, count, ageMs } = this.#bounds;
    for (let oldest = this.#queue[this.#first]; oldest !== undefined; oldest = this.#queue[this.#first]) {
      if (this.#bytes <= bytes && this.count <= count && oldest.at > now - ageMs) break;
      this.#first++;
      this.#bytes -= sizeOf(oldest);
      for (const key of keysOf(oldest)) this.#forget(key);
      this.#onForget(oldest);
    }
    if (this.#first * 2 <= this.#queue.length) return;
    this.#queue = this.#queue.slice(this.#first);
    this.#first = 0;
  }

  /** What members of any of these rooms were sent since a time, or all clients of the namespace, oldest first. */
  sentTo(namespace: string, rooms: ReadonlySet<string>, since: number): Emitted[] {
    const found = new Set<Emitted>();
    this.#gather(found, keyOf(namespace, undefined), rooms, since);
    for (const room of rooms) this.#gather(found, keyOf(namespace, room), rooms, since);
    return [...found].sort((one, other) => one.count - other.count);
  }

  #gather(found: Set<Emitted>, key: string, rooms: ReadonlySet<string>, since: number): void {
    const ofRoom = this.#byRoom.get(key);
    if (ofRoom === undefined) return;
    for (let index = ofRoom.list.length - 1; index >= ofRoom.first; index--) {
      const one = ofRoom.list[index] as Emitted;
      if (one.at < since) return;
      if (!one.except.some((room) => rooms.has(room))) found.add(one);
    }
  }

  /** Of each room the oldest is forgotten first, as of all. */
  #forget(key: string): void {
    const ofRoom = this.#byRoom.get(key) as OfRoom;
    ofRoom.first++;
    if (ofRoom.first === ofRoom.list.length) this.#byRoom.delete(key);
    else if (ofRoom.first * 2 > ofRoom.list.length) {
      ofRoom.list.splice(0, ofRoom.first);
      ofRoom.first = 0;
    }
  }
}

/** How much memory an event takes, in bytes. */
function sizeOf({ encoded, rooms, except }: Emitted): number {
  let bytes = entryBytes + roomBytes * (rooms.length + except.length);
  for (const part of encoded) bytes += part.length;
  return bytes;
}

function keysOf({ namespace, rooms }: Emitted): readonly string[] {
  return rooms.length === 0 ? [keyOf(namespace, undefined)] : rooms.map((room) => keyOf(namespace, room));
}

function keyOf(namespace: string, room: string | undefined): string {
  return room === undefined ? namespace : `${namespace}\0${room}`;
}
