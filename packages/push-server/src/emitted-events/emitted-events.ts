import type { Position } from '@gopush/contract';
import { roomsOf } from '@gopush/slim-socket-io';
import type { Namespace, Socket } from 'socket.io';
import type { RecentDeliveries } from '../rooms/delivery/recent-deliveries.ts';
import type { EmittedRecord, OwnEvent } from './emitted-record.ts';
import { type Emitted, EventLog } from './event-log.ts';
import { type ClientBounds, recordLost } from './lost-record.ts';
import { type Missed, placeName } from './missed-events.ts';
import { NamespaceStreams, slackMs, type Whose } from './namespace-streams.ts';
import { type EventClient, writeEvent } from './write-event.ts';

/** Why a client that returns cannot be given all that it has missed. */
export type NotWhole = 'forgotten' | 'too much' | 'not heard' | 'unknown place';

/** Bounds of the events that one returning client is given, and of all that are kept. */
interface EmittedEventsBounds extends ClientBounds {
  readonly nodeBytes: number;
  readonly nodeCount: number;
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
  /** The connection of a socket. */
  readonly clientOf: (socket: Socket) => EventClient;
}

/** For how long events that a client has had elsewhere may still come here, in milliseconds. */
const aheadMs = 10_000;

/** How often events that are too old are forgotten, in milliseconds. */
const trimMs = 10_000;

/** Where a socket keeps the number of the last delivery of this node before it. */
const begunAt = Symbol('begun at');
interface Slot {
  [begunAt]?: number;
}

/**
 * Keeps the events that programs emit by Socket.IO's own means (`io.emit`, `io.to(…).emit`, `socket.emit`, …) for
 * clients that reconnect, or whose session migrates.
 *
 * Each node numbers the events that it sends in a stream for each namespace, which all nodes hear and keep. The
 * position that goes out with an event is its place in its stream, so any node knows from it which events a client has had.
 */
export class EmittedEvents {
  readonly #options: EmittedEventsOptions;
  readonly #namespaces = new Map<string, NamespaceStreams>();
  readonly #forMany: EventLog;
  readonly #forOne: EventLog;
  /** By client and stream: the offset up to which it had received events elsewhere that had not arrived here when it came. */
  readonly #elsewhere = new WeakMap<Socket, ReadonlyMap<string, number>>();
  /** Events that clients were given again, each with the number of that delivery. */
  readonly #again = new WeakMap<Socket, readonly Emitted[]>();
  /** The number of the last delivery to one client that is not kept any more. */
  #forgottenOne = 0;
  /** When messages of other nodes may have been lost last, in milliseconds since 1970. */
  #gapAt = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(options: EmittedEventsOptions) {
    this.#options = options;
    const { bounds, keepMs, doubtMs } = options;
    const half = { bytes: bounds.nodeBytes / 2, count: Math.ceil(bounds.nodeCount / 2) };
    this.#forMany = new EventLog({ ...half, ageMs: keepMs + doubtMs }, ({ namespace, place, at }) => {
      this.#namespaces.get(namespace)?.forget(place, at);
    });
    // An event for one client is needed as long as it may not have arrived; then it is stored with the session.
    this.#forOne = new EventLog({ ...half, ageMs: doubtMs }, ({ count, at }) => {
      if (at > Date.now() - doubtMs) this.#forgottenOne = count;
    });
    this.#timer = setInterval(() => this.#trim(Date.now()), trimMs).unref();
  }

  #trim(now: number): void {
    const { keepMs, doubtMs } = this.#options;
    this.#forMany.trim(now);
    this.#forOne.trim(now);
    // Nodes that are gone send no more.
    for (const streams of this.#namespaces.values()) streams.forgetStreams(now - keepMs - 2 * doubtMs);
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

  /** A namespace begins. */
  open(namespace: Namespace): void {
    this.#namespaces.set(namespace.name, new NamespaceStreams());
    namespace.on('connection', (socket) => {
      (socket as Slot)[begunAt] ??= this.#options.recent.count;
    });
  }

  /** A namespace has ended, with all its clients. */
  forget(namespace: string): void {
    this.#namespaces.delete(namespace);
  }

  /** The place of the next event of a namespace; `undefined` if the namespace has ended. */
  next(namespace: string, whose: Whose): Position | undefined {
    return this.#namespaces.get(namespace)?.next(whose);
  }

  /** An event is written to the clients of this node. */
  went(event: Omit<Emitted, 'count' | 'at'>): void {
    const streams = this.#namespaces.get(event.namespace);
    if (streams === undefined) return;
    const at = Date.now();
    streams.came(event.place, at);
    this.#forMany.add(keptEvent(event, event.except, this.#options.recent.addOwn(), at));
  }

  /** Whether the session of a socket continues elsewhere, with all that is emitted from now on. */
  hasMigrated(socket: Socket): boolean {
    return this.#options.clientOf(socket).hasMigrated;
  }

  /** Whether a client has had an event at another node, or gets it there. */
  isElsewhere(socket: Socket, place: Position): boolean {
    return this.hasMigrated(socket) || this.#namespaces.get(socket.nsp.name)?.hasHad(socket.id, place) === true;
  }

  /** The place of the next event for one client of the main namespace. */
  nextForOne(): Position {
    return { epoch: this.#options.node, offset: this.#options.recent.addOwn() };
  }

  /** An event is written to one client. */
  wentToOne(event: Omit<Emitted, 'count' | 'at' | 'except'>): void {
    this.#forOne.add(keptEvent(event, nobody, event.place.offset, Date.now()));
  }

  /** The events that a socket has had whose connection is open, or has ended after all was written to it. */
  standing({ id, nsp }: Socket): EmittedRecord {
    return { streams: this.#namespaces.get(nsp.name)?.standing(id) ?? [] };
  }

  /** The events that a socket has had whose connection was lost. Called before it leaves its rooms. */
  lost(socket: Socket): EmittedRecord {
    const { doubtMs, bounds, recent } = this.#options;
    const since = Date.now() - doubtMs;
    const begun = (socket as Slot)[begunAt] ?? recent.count;
    const { name } = socket.nsp;
    // Events that it has had elsewhere, and that this node heard later, were not given here.
    const elsewhere = this.#elsewhere.get(socket);
    const came = ({ count, place }: Emitted): boolean =>
      count > begun && place.offset > (elsewhere?.get(place.epoch) ?? 0);
    const again = this.#again.get(socket) ?? [];
    const doubtful = {
      many: [...again, ...this.#forMany.sentTo(name, roomsOf(socket), since).filter(came)],
      ofOne: this.#forOne.sentTo(name, new Set([socket.id]), since).filter(came),
      isHereOnly: (stream: string) => this.#namespaces.get(name)?.isHereOnly(stream) === true,
      forgotten: this.#forgottenOne > begun ? this.#forgottenOne : 0,
    };
    return { ...this.standing(socket), ...recordLost(doubtful, bounds) };
  }

  /** Why a client cannot be given all that it has missed; `undefined`: it can. */
  whyNotWhole(namespace: string, rooms: ReadonlySet<string>, missed: Missed): NotWhole | undefined {
    const { node, bounds } = this.#options;
    const streams = this.#namespaces.get(namespace);
    const isSame = missed.node === node;
    if (streams?.hasHeard(missed, this.#gapAt) !== true) return 'not heard';
    if (!streams.keepsAll(missed, isSame)) return 'forgotten';
    const events = this.#missedIn(namespace, rooms, missed);
    if (missed.known !== undefined && events.some(({ place }) => place.epoch !== missed.known)) return 'unknown place';
    // Each node numbers these by itself.
    if (!isSame && events.some(({ place }) => streams.isForeign(place.epoch))) return 'unknown place';
    if (events.length + missed.own.length > bounds.clientCount) return 'too much';
    const bytes = bytesOf(events) + bytesOf(missed.own);
    return bytes > bounds.clientBytes ? 'too much' : undefined;
  }

  /**
   * Gives a client all that it has missed, before anything else is written to it.
   *
   * @param rooms - those that it is in, and those that it will be in
   */
  give(socket: Socket, rooms: ReadonlySet<string>, missed: Missed): void {
    this.#rememberAhead(socket, missed);
    const again: Emitted[] = [];
    const events = this.#missedIn(socket.nsp.name, rooms, missed).map((one) => ({
      order: missed.counts.get(placeName(one.place.epoch, one.place.offset)) ?? Number.POSITIVE_INFINITY,
      give: () => {
        again.push({ ...one, count: this.#options.recent.addOwn() });
        this.#write(socket, one);
      },
    }));
    const own = missed.own.map((one) => ({ order: one.count, give: () => this.#giveOwn(socket, one) }));
    const inOrder = [...own, ...events].sort((a, b) => (a.order < b.order ? -1 : Number(a.order > b.order)));
    for (const one of inOrder) one.give();
    if (again.length === 0) return;
    this.#again.set(socket, again);
    setTimeout(() => this.#again.delete(socket), this.#options.doubtMs).unref();
  }

  #giveOwn(socket: Socket, { encoded, compress }: OwnEvent): void {
    const place = this.nextForOne();
    // A store gives binary attachments as other objects.
    const parts = encoded.map((part) => (typeof part === 'string' ? part : Buffer.from(part)));
    const event = { namespace: socket.nsp.name, rooms: [socket.id], place, encoded: parts, compress };
    this.wentToOne(event);
    this.#write(socket, event);
  }

  #write(socket: Socket, event: Pick<Emitted, 'encoded' | 'compress' | 'place'>): void {
    writeEvent(this.#options.clientOf(socket), socket, event);
  }

  /** Events that a client has had elsewhere may be on their way here. */
  #rememberAhead(socket: Socket, { after }: Missed): void {
    const elsewhere = this.#namespaces.get(socket.nsp.name)?.rememberAhead(socket.id, after, aheadMs);
    if (elsewhere !== undefined && elsewhere.size > 0) this.#elsewhere.set(socket, elsewhere);
  }

  #missedIn(namespace: string, rooms: ReadonlySet<string>, missed: Missed): readonly Emitted[] {
    const { doubtMs, node } = this.#options;
    const streams = this.#namespaces.get(namespace);
    if (streams === undefined) return [];
    const isSame = missed.node === node;
    return this.#forMany
      .sentTo(namespace, rooms, missed.at - doubtMs - slackMs)
      .filter(({ place, at }) => streams.isMissed(place, at, missed, isSame));
  }
}

function bytesOf(events: readonly Pick<Emitted | OwnEvent, 'encoded'>[]): number {
  let bytes = 0;
  for (const { encoded } of events) for (const part of encoded) bytes += part.length;
  return bytes;
}

/** By its names: an object that is spread into another one gets a layout of its own in V8, which takes more than the event. */
function keptEvent(
  { namespace, rooms, place, encoded, compress }: Omit<Emitted, 'count' | 'at' | 'except'>,
  except: readonly string[],
  count: number,
  at: number,
): Emitted {
  return { namespace, rooms, except, place, count, at, encoded, compress };
}

const nobody: readonly string[] = [];
