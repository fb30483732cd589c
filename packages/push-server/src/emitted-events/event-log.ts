import type { Position } from '@gopush/contract';

/** An event that a program has emitted, as it was written to the clients of this node. */
export interface Emitted {
  readonly namespace: string;
  /** The rooms of Socket.IO that it is for; none: all clients of the namespace. */
  readonly rooms: readonly string[];
  /** Rooms whose members are left out. */
  readonly except: readonly string[];
  /** Its place in its stream, which is the position that clients get with it. */
  readonly place: Position;
  /** The number of its delivery among those of this node. */
  readonly count: number;
  /** When it was written, in milliseconds since 1970. */
  readonly at: number;
  /** As Socket.IO's parser made it: a text, and binary attachments. */
  readonly encoded: readonly (string | Buffer)[];
  readonly compress: boolean | undefined;
}

/** How much is kept. Beyond that the oldest events are forgotten. */
export interface EmittedBounds {
  readonly bytes: number;
  readonly count: number;
  /** In milliseconds. */
  readonly ageMs: number;
}

/** Roughly what an event takes besides its content, in bytes. */
const entryBytes = 256;

/** Roughly what an event takes for each of its rooms, in bytes. */
const roomBytes = 32;

/** The events of one room, oldest first; those before `first` are forgotten. */
interface OfRoom {
  readonly list: Emitted[];
  first: number;
}

/** Recent events of programs by their rooms, so that a client that returns costs what its own rooms were sent. */
export class EventLog {
  readonly #bounds: EmittedBounds;
  readonly #onForget: (one: Emitted) => void;
  readonly #byRoom = new Map<string, OfRoom>();
  #queue: Emitted[] = [];
  #first = 0;
  #bytes = 0;

  /** @param onForget - is called with each event that is not kept any more */
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

  /** Forgets events that are too old, or too many. */
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

  /** The events for members of any of these rooms, or for all clients of the namespace, since a time, oldest first. */
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

  /** The oldest event of a room is forgotten first, as in the whole log. */
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
