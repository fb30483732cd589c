import { readPosition, writePosition } from '@gopush/contract';
import { insideOfAdapter, insideOfClient, insideOfSocket } from '@gopush/slim-socket-io';
import type { Namespace, Socket } from 'socket.io';
import type { Adapter, BroadcastOptions } from 'socket.io-adapter';
import type { PacketOptions } from '../emit/event-forms.ts';
import type { EmittedEvents } from './emitted-events.ts';
import type { Emitted } from './event-log.ts';
import { type EventPacket, type FormsContext, formsOf, isKeepable } from './event-packet.ts';

/**
 * Keeps the events that are emitted in a namespace for clients that return, and writes its position behind each.
 *
 * @param position - the position of the next delivery of this node; `undefined`: clients cannot come back to their
 * sessions, and nothing is kept
 */
export function keepEmitted(
  namespace: Namespace,
  emittedEvents: EmittedEvents,
  position: (() => string) | undefined,
): void {
  const { adapter } = namespace;
  const keeper = new AdapterKeeper(namespace, emittedEvents, position);
  emittedEvents.open(namespace);
  Object.assign(adapter, {
    broadcast: (packet: EventPacket, options: BroadcastOptions) => keeper.broadcast(packet, options),
    _encode: (packet: EventPacket, options: PacketOptions) => keeper.encode(packet, options),
    apply: (options: BroadcastOptions, callback: (socket: Socket) => void) => keeper.apply(options, callback),
    close: () => keeper.close(),
    // It would add Socket.IO's own offset, which would hide our position.
    addOffsetIfNecessary() {},
  });
  // The adapter over pub/sub would leave out events for a room without members here. One of its members may come back
  // here.
  if (position !== undefined && 'hasRoom' in adapter) Object.assign(adapter, { hasRoom: () => true });
}

/** Stands before the methods of an adapter. */
class AdapterKeeper {
  readonly #namespace: Namespace;
  readonly #events: EmittedEvents;
  readonly #keeps: boolean;
  readonly #forms: FormsContext;
  readonly #inner: {
    readonly encodePacket: (packet: unknown) => (string | Buffer)[];
    readonly broadcast: Adapter['broadcast'];
    readonly apply: (options: BroadcastOptions, callback: (socket: Socket) => void) => void;
    readonly close: () => Promise<void> | void;
  };
  /** The event that was encoded last, and is written next. */
  #encoded: Pick<Emitted, 'place' | 'encoded'> | undefined = undefined;

  constructor(namespace: Namespace, events: EmittedEvents, position: (() => string) | undefined) {
    const { adapter, name } = namespace;
    const inside = insideOfAdapter(adapter);
    this.#namespace = namespace;
    this.#events = events;
    this.#keeps = position !== undefined;
    this.#forms = { namespace: name, position, encode: inside._encode.bind(adapter) };
    this.#inner = {
      encodePacket: (packet) => inside.encoder.encode(packet),
      broadcast: adapter.broadcast.bind(adapter),
      apply: inside.apply.bind(adapter),
      close: adapter.close.bind(adapter),
    };
  }

  /** An event is emitted on this node. */
  broadcast(packet: EventPacket, options: BroadcastOptions): void {
    const flags = options.flags as PacketOptions | undefined;
    const isKept = this.#keeps && isKeepable(packet, flags);
    const socket = this.#only(options);
    // A socket whose session continues elsewhere gets it there.
    if (socket !== undefined && !(isKept && this.#events.hasMigrated(socket))) {
      this.#sendToOne(socket, packet, flags, isKept);
      return;
    }
    const whose = options.flags?.local === true ? 'local' : 'own';
    const place = isKept ? this.#events.next(this.#namespace.name, whose) : undefined;
    this.#inner.broadcast(place === undefined ? packet : { ...packet, mark: writePosition(place) }, options);
  }

  /** An event is encoded for the clients of this node, whichever node emits it. */
  encode(packet: EventPacket, options: PacketOptions): readonly (string | Buffer)[] {
    this.#encoded = undefined;
    const isKept = this.#keeps && isKeepable(packet, options);
    const place = isKept
      ? (readPosition(packet.mark) ?? this.#events.next(this.#namespace.name, 'foreign'))
      : undefined;
    const forms = formsOf(packet, place && writePosition(place), this.#forms);
    const encoded = this.#forms.encode(packet, options);
    if (forms !== undefined) options.forms = forms;
    if (place !== undefined) this.#encoded = { place, encoded: copied(encoded) };
    return encoded;
  }

  /** The event that was encoded is written to the clients of this node. */
  apply(options: BroadcastOptions, callback: (socket: Socket) => void): void {
    const event = this.#encoded;
    this.#encoded = undefined;
    if (event === undefined) {
      this.#inner.apply(options, callback);
      return;
    }
    const { rooms, except = none, flags } = options;
    const events = this.#events;
    const { name } = this.#namespace;
    events.went({ ...event, namespace: name, rooms: [...rooms], except: [...except], compress: flags?.compress });
    this.#inner.apply(options, (socket) => {
      if (!events.isElsewhere(socket, event.place)) callback(socket);
    });
  }

  close(): Promise<void> | void {
    this.#events.forget(this.#namespace.name);
    return this.#inner.close();
  }

  /**
   * The socket of this node that an event is for, if it is for one alone. With recovery switched on Socket.IO sends
   * such an event to all nodes, for an adapter to remember; here its own node does.
   */
  #only({ rooms, except }: BroadcastOptions): Socket | undefined {
    if (rooms.size !== 1 || (except?.size ?? 0) > 0) return undefined;
    const [room] = rooms;
    return this.#namespace.sockets.get(room as string);
  }

  #sendToOne(socket: Socket, packet: EventPacket, flags: PacketOptions | undefined, isKept: boolean): void {
    const { name } = this.#namespace;
    packet.nsp = name;
    // In other namespaces clients do not come back to their sessions.
    const place = isKept && name === '/' ? this.#events.nextForOne() : undefined;
    const forms = formsOf(packet, place && writePosition(place), this.#forms);
    const encoded = this.#inner.encodePacket(packet);
    const compress = flags?.compress;
    if (place !== undefined) {
      this.#events.wentToOne({ namespace: name, rooms: [socket.id], place, encoded: copied(encoded), compress });
    }
    writeEncoded(socket, packet, encoded, { ...flags, forms });
  }
}

/** Does what Socket.IO does for one socket, with a packet that is encoded already. */
function writeEncoded(socket: Socket, packet: unknown, encoded: unknown, options: PacketOptions): void {
  insideOfSocket(socket).notifyOutgoingListeners(packet);
  const written = { ...options, preEncoded: true, compress: options.compress !== false };
  insideOfClient(socket)._packet(encoded as never, written);
}

/** Binary attachments belong to the program, which may write into them again. */
function copied(encoded: readonly (string | Buffer)[]): readonly (string | Buffer)[] {
  return encoded.length === 1 ? encoded : encoded.map((part) => (typeof part === 'string' ? part : Buffer.from(part)));
}

const none: readonly never[] = [];
