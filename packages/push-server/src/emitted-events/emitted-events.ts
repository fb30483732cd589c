import { randomBytes } from 'node:crypto';
import { type Position, writePosition } from '@gopush/contract';
import type { Namespace, Socket } from 'socket.io';
import { Along } from '../emit/along.ts';
import { migratingClientOf } from '../migration/migrating-client.ts';
import type { RecentDeliveries } from '../rooms/delivery/recent-deliveries.ts';
import type { EmittedRecord, OwnEvent } from './emitted-record.ts';
import { type Emitted, EventLog } from './event-log.ts';
import { Stream } from './event-stream.ts';
import { type Missed, placeName } from './missed.ts';

/** Why a client that comes back cannot be given all that it has missed. */
export type NotWhole = 'forgotten' | 'too much' | 'not heard' | 'unknown place';

/** Most of what one client that comes back is given, and of what may be kept for all. */
interface EmittedEventsBounds {
  readonly nodeBytes: number;
  readonly nodeCount: number;
  readonly clientBytes: number;
  readonly clientCount: number;
}

export interface EmittedEventsOptions {
  /** Name of this node on the bus. */
  readonly node: string;
  readonly recent: RecentDeliveries;
  readonly bounds: EmittedEventsBounds;
  /** How long a session is kept, in milliseconds. */
  readonly keepMs: number;
  /** How long it may go unnoticed that a connection has ended, in milliseconds. */
  readonly doubtMs: number;
}

/** For how long events that a client has had elsewhere may still come here, in milliseconds. */
const aheadMs = 10_000;

/** How much later one node may hear an event than another, in milliseconds. */
const slackMs = 1_000;

/** How often what is too old is forgotten, in milliseconds. */
const trimMs = 10_000;

/** A namespace as this node has it. */
interface Space {
  /** Names of its streams: what this node sends to all nodes, to its own clients, and what comes from programs that name no stream. */
  readonly own: string;
  readonly local: string;
  readonly foreign: string;
  readonly next: { own: number; local: number; foreign: number };
  readonly streams: Map<string, Stream>;
  /** Since when it is here, in milliseconds since 1970. */
  readonly since: number;
  /** Events that clients have had elsewhere and have not come here yet. */
  ahead: readonly { readonly socket: string; readonly stream: string; readonly offset: number }[];
}

/** Where a socket keeps which of the node's deliveries it began after. */
const begunAt = Symbol('begun at');
interface Slot {
  [begunAt]?: number;
}

/**
 * Keeps what programs send by Socket.IO's own means (`io.emit`, `io.to(…).emit`, `socket.emit`, …), so that clients who come back, or whose
 * session moves, are given what they missed.
 *
 * Each node numbers what it sends: a stream for each namespace, which all nodes hear and keep alike. The mark that goes out with an event
 * is its place in its stream, so that any node can tell from it what a client has.
 */
export class EmittedEvents {
  readonly #options: EmittedEventsOptions;
  readonly #spaces = new Map<string, Space>();
  readonly #forMany: EventLog;
  readonly #forOne: EventLog;
  /** Up to where clients have had streams elsewhere that were not here so far when they came. */
  readonly #elsewhere = new WeakMap<Socket, ReadonlyMap<string, number>>();
  /** What clients were given again, with which of the node's deliveries that was. */
  readonly #again = new WeakMap<Socket, readonly Emitted[]>();
  /** Of the deliveries to one client the last that is not kept any more. */
  #forgottenOne = 0;
  /** Until when messages of other nodes may have been lost on their way, in milliseconds since 1970. */
  #gapAt = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(options: EmittedEventsOptions) {
    this.#options = options;
    const { bounds, keepMs, doubtMs } = options;
    const half = { bytes: bounds.nodeBytes / 2, count: Math.ceil(bounds.nodeCount / 2) };
    this.#forMany = new EventLog({ ...half, ageMs: keepMs + doubtMs }, ({ namespace, place, at }) => {
      this.#spaces.get(namespace)?.streams.get(place.epoch)?.forget(place.offset, at);
    });
    // Sent to one client alone it is of use as long as it may not have arrived; then it is written down with its session.
    this.#forOne = new EventLog({ ...half, ageMs: doubtMs }, ({ count, at }) => {
      if (at > Date.now() - doubtMs) this.#forgottenOne = count;
    });
    this.#timer = setInterval(() => {
      const now = Date.now();
      this.#forMany.trim(now);
      this.#forOne.trim(now);
      this.#forgetStreams(now - keepMs - 2 * doubtMs);
    }, trimMs).unref();
  }

  /** Nodes that are gone send no more. */
  #forgetStreams(before: number): void {
    for (const { streams } of this.#spaces.values()) {
      for (const [name, { latestAt }] of streams) if (latestAt < before) streams.delete(name);
    }
  }

  /** How much is kept now. */
  get kept(): { readonly bytes: number; readonly count: number } {
    const [many, one] = [this.#forMany, this.#forOne];
    return { bytes: many.bytes + one.bytes, count: many.count + one.count };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Messages of other nodes may have been lost. */
  gap(): void {
    this.#gapAt = Date.now();
  }

  /** A namespace is there. */
  open(namespace: Namespace): void {
    const id = randomBytes(9).toString('base64url');
    this.#spaces.set(namespace.name, {
      own: id,
      local: `${id}-l`,
      foreign: `${id}-f`,
      next: { own: 1, local: 1, foreign: 1 },
      streams: new Map(),
      since: Date.now(),
      ahead: [],
    });
    namespace.on('connection', (socket) => {
      (socket as Slot)[begunAt] ??= this.#options.recent.count;
    });
  }

  /** A namespace is gone, with all its clients. */
  forget(namespace: string): void {
    this.#spaces.delete(namespace);
  }

  /**
   * Where the next event of a namespace stands: one for all nodes, for this one alone, or one of a program that named no place. `undefined` where the
   * namespace is gone.
   */
  next(namespace: string, whose: 'own' | 'local' | 'foreign'): Position | undefined {
    const space = this.#spaces.get(namespace);
    return space && { epoch: space[whose], offset: space.next[whose]++ };
  }

  /** An event goes out to the clients of this node. */
  went(event: Omit<Emitted, 'count' | 'at'>): void {
    const space = this.#spaces.get(event.namespace);
    if (space === undefined) return;
    const { epoch, offset } = event.place;
    const at = Date.now();
    const stream = space.streams.get(epoch) ?? new Stream(offset);
    stream.came(offset, at);
    space.streams.set(epoch, stream);
    this.#forMany.add({ ...event, count: this.#options.recent.addOwn(), at });
  }

  /** Whether the session of a socket goes on elsewhere, with all that is sent from now on. */
  hasMigrated(socket: Socket): boolean {
    return migratingClientOf(socket).hasMigrated;
  }

  /** Whether a client has had an event elsewhere, or gets it there. */
  isElsewhere(socket: Socket, { epoch, offset }: Position): boolean {
    if (this.hasMigrated(socket)) return true;
    const ahead = this.#spaces.get(socket.nsp.name)?.ahead ?? [];
    return ahead.some((one) => one.socket === socket.id && one.stream === epoch && one.offset >= offset);
  }

  /** An event goes out to one client of the main namespace. @returns where it stands, for its mark */
  nextForOne(): Position {
    return { epoch: this.#options.node, offset: this.#options.recent.addOwn() };
  }

  wentToOne(event: Omit<Emitted, 'count' | 'at' | 'except'>): void {
    this.#forOne.add({ ...event, except: nobody, count: event.place.offset, at: Date.now() });
  }

  /** Where a socket stands whose connection is there, or has ended after all was given to it. */
  standing(socket: Socket): EmittedRecord {
    const space = this.#spaces.get(socket.nsp.name);
    if (space === undefined) return { streams: [] };
    const at = new Map([...space.streams].map(([name, { latest }]) => [name, latest]));
    for (const { socket: id, stream, offset } of space.ahead) {
      if (id === socket.id) at.set(stream, Math.max(at.get(stream) ?? 0, offset));
    }
    return { streams: [...at] };
  }

  /** Where a socket stands whose connection was lost, before it leaves its rooms. */
  lost(socket: Socket): EmittedRecord {
    const { doubtMs, bounds, recent } = this.#options;
    const since = Date.now() - doubtMs;
    const begun = (socket as Slot)[begunAt] ?? recent.count;
    const { name } = socket.nsp;
    // What it has had elsewhere, and this node heard later, was not given here.
    const elsewhere = this.#elsewhere.get(socket);
    const came = ({ count, place }: Emitted): boolean =>
      count > begun && place.offset > (elsewhere?.get(place.epoch) ?? 0);
    const again = this.#again.get(socket) ?? [];
    const many = [...again, ...this.#forMany.sentTo(name, socket.rooms, since).filter(came)];
    const ofOne = this.#forOne.sentTo(name, new Set([socket.id]), since).filter(came);
    const space = this.#spaces.get(name);
    const isHereOnly = ({ place: { epoch } }: Emitted): boolean => epoch === space?.local || epoch === space?.foreign;
    const own = inOrder([...ofOne, ...many.filter(isHereOnly)]);
    const doubtful = inOrder(many.filter((one) => !isHereOnly(one)));
    const dropped = Math.max(
      this.#forgottenOne > begun ? this.#forgottenOne : 0,
      doubtful.at(-bounds.clientCount - 1)?.count ?? 0,
      lastBeyond(own, bounds.clientCount, bounds.clientBytes / 4),
    );
    const isKept = ({ count }: { readonly count: number }): boolean => count > dropped;
    return {
      ...this.standing(socket),
      doubtful: doubtful.filter(isKept).map(({ place, count }) => [place.epoch, place.offset, count]),
      own: own.filter(isKept).map(({ count, place, encoded, compress }) => ({ count, place, encoded, compress })),
      ...(dropped > 0 ? { after: dropped } : {}),
    };
  }

  /** Why a client cannot be given all that it has missed; `undefined`: it can. */
  whyNotWhole(namespace: string, rooms: ReadonlySet<string>, missed: Missed): NotWhole | undefined {
    const { node, bounds } = this.#options;
    const space = this.#spaces.get(namespace);
    const isSame = missed.node === node;
    // What was sent before this node heard anything it cannot have.
    if (space === undefined || !this.#wasThere(space, missed)) return 'not heard';
    if (!hasHeard(space, missed)) return 'not heard';
    for (const [name, stream] of space.streams) {
      if (name === space.local && !isSame) continue;
      const after = missed.after.get(name);
      const isWhole = after === undefined ? stream.isWholeSince(missed.at - slackMs) : stream.isWholeAfter(after);
      if (!isWhole) return 'forgotten';
    }
    const events = this.#find(namespace, rooms, missed);
    if (missed.known !== undefined && events.some(({ place }) => place.epoch !== missed.known)) return 'unknown place';
    // Each node numbers these by itself.
    if (!isSame && events.some(({ place }) => place.epoch === space.foreign)) return 'unknown place';
    if (events.length + missed.own.length > bounds.clientCount) return 'too much';
    const bytes = bytesOf(events) + bytesOf(missed.own);
    return bytes > bounds.clientBytes ? 'too much' : undefined;
  }

  /** Whether this node has heard all since a session was written down. Of one that was so long before its end nobody can tell. */
  #wasThere({ since }: Space, { at, isExact }: Missed): boolean {
    return !isExact || (since <= at && this.#gapAt <= at);
  }

  /**
   * Gives a client all that it has missed, before anything else that goes out to it.
   *
   * @param rooms - those that it is in, and those that it will be in
   */
  give(socket: Socket, rooms: ReadonlySet<string>, missed: Missed): void {
    const { recent, doubtMs } = this.#options;
    const { name } = socket.nsp;
    this.#keepAhead(socket, missed);
    const again: Emitted[] = [];
    const events = this.#find(name, rooms, missed).map((one) => ({
      order: missed.counts.get(placeName(one.place.epoch, one.place.offset)) ?? Number.POSITIVE_INFINITY,
      give: () => {
        again.push({ ...one, count: recent.addOwn() });
        write(socket, one);
      },
    }));
    const own = missed.own.map((one) => ({ order: one.count, give: () => this.#giveOwn(socket, one) }));
    for (const one of [...own, ...events].sort((a, b) => (a.order < b.order ? -1 : Number(a.order > b.order))))
      one.give();
    if (again.length === 0) return;
    this.#again.set(socket, again);
    setTimeout(() => this.#again.delete(socket), doubtMs).unref();
  }

  #giveOwn(socket: Socket, { encoded, compress }: OwnEvent): void {
    const place = this.nextForOne();
    // As bytes it may have come from a store.
    const parts = encoded.map((part) => (typeof part === 'string' ? part : Buffer.from(part)));
    const event = { namespace: socket.nsp.name, rooms: [socket.id], place, encoded: parts, compress };
    this.wentToOne(event);
    write(socket, event);
  }

  /** What a client has had elsewhere may be on its way here. */
  #keepAhead(socket: Socket, { after }: Missed): void {
    const space = this.#spaces.get(socket.nsp.name);
    if (space === undefined) return;
    const ahead = [...after].flatMap(([stream, offset]) =>
      offset > (space.streams.get(stream)?.latest ?? 0) ? [{ socket: socket.id, stream, offset }] : [],
    );
    if (ahead.length === 0) return;
    this.#elsewhere.set(socket, new Map(ahead.map((one) => [one.stream, one.offset])));
    space.ahead = [...space.ahead, ...ahead];
    setTimeout(() => {
      space.ahead = space.ahead.filter((one) => !ahead.includes(one));
    }, aheadMs).unref();
  }

  #find(namespace: string, rooms: ReadonlySet<string>, missed: Missed): readonly Emitted[] {
    const space = this.#spaces.get(namespace);
    if (space === undefined) return [];
    const { doubtMs, node } = this.#options;
    const isFollowed = (name: string): boolean => {
      // A node that died has not said when its session began to miss something.
      if (name === space.foreign) return missed.isExact;
      return name !== space.local || missed.node === node;
    };
    return this.#forMany.sentTo(namespace, rooms, missed.at - doubtMs - slackMs).filter(({ place, at }) => {
      const after = missed.after.get(place.epoch);
      if (after !== undefined) return place.offset > after;
      return at >= missed.at - slackMs && isFollowed(place.epoch);
    });
  }
}

function inOrder<T extends { readonly count: number }>(events: readonly T[]): readonly T[] {
  return events.toSorted((one, other) => one.count - other.count);
}

/** Which delivery is the last that has no room among so many events of so many bytes; 0: there is room for all. */
function lastBeyond(events: readonly Emitted[], most: number, mostBytes: number): number {
  let bytes = 0;
  const last = events.findLastIndex(({ encoded }, index) => {
    for (const part of encoded) bytes += part.length;
    return bytes > mostBytes || events.length - index > most;
  });
  return events[last]?.count ?? 0;
}

function bytesOf(events: readonly Pick<Emitted | OwnEvent, 'encoded'>[]): number {
  let bytes = 0;
  for (const { encoded } of events) for (const part of encoded) bytes += part.length;
  return bytes;
}

/** Hands an event over to a connection as it is, with its mark. */
function write(socket: Socket, { encoded, compress, place }: Pick<Emitted, 'encoded' | 'compress' | 'place'>): void {
  const mark = writePosition(place);
  const { name } = socket.nsp;
  const along = new Along(mark, name, name === '/' ? () => withMark(encoded, mark) : undefined);
  const options = { preEncoded: true, compress, along };
  migratingClientOf(socket).writeToEngine(encoded, options);
}

/** The event with its mark as one more argument. Its text ends with the list of arguments. */
function withMark([text, ...binary]: Emitted['encoded'], mark: string): Emitted['encoded'] {
  return [`${String(text).slice(0, -1)},${JSON.stringify(mark)}]`, ...binary];
}

/** Whether what other nodes have sent to a client without its getting it has come here. */
function hasHeard({ streams }: Space, { sent, after }: Missed): boolean {
  for (const [name, offset] of sent) {
    if ((after.get(name) as number) < offset && (streams.get(name)?.latest ?? 0) < offset) return false;
  }
  return true;
}

const nobody: readonly string[] = [];
