import { events, readPosition, writePosition } from '@gopush/contract';
import { packetType } from '@gopush/slim-socket-io';
import type { Namespace, Socket } from 'socket.io';
import type { Adapter, BroadcastOptions } from 'socket.io-adapter';
import { Along, type PacketOptions } from '../emit/along.ts';
import { emittedEvent } from '../emit/emit-event.ts';
import type { ClientEvent } from '../rooms/delivery/client-event.ts';
import type { EmittedEvents } from './emitted-events.ts';
import type { Emitted } from './event-log.ts';

/** A packet, of which events matter here. */
interface EventPacket {
  readonly type: number;
  readonly id?: number;
  readonly data?: unknown;
  nsp?: string;
  /** The place of an event in the stream of the node that sends it, as a mark: other nodes get it along with the packet. */
  readonly mark?: unknown;
}

/** What an adapter has inside, and we put ours in the place of. */
interface AdapterInside {
  readonly encoder: { encode(packet: unknown): (string | Buffer)[] };
  _encode(packet: EventPacket, options: PacketOptions): readonly (string | Buffer)[];
  apply(options: BroadcastOptions, callback: (socket: Socket) => void): void;
  addOffsetIfNecessary(): void;
}

type Own = Pick<Adapter, 'broadcast' | 'close'> &
  Pick<AdapterInside, '_encode' | 'apply' | 'addOffsetIfNecessary'> & { hasRoom?: () => boolean };

/**
 * Has what is sent in a namespace kept for those who come back, with the mark of its place behind it.
 *
 * @param mark - the mark of what this node gives next; `undefined`: clients cannot come back to their sessions, and nothing is kept
 */
export function keepEmitted(
  namespace: Namespace,
  emittedEvents: EmittedEvents,
  mark: (() => string) | undefined,
): void {
  const { adapter, name } = namespace;
  const inner = adapter as unknown as AdapterInside;
  const broadcast = adapter.broadcast.bind(adapter);
  const encode = inner._encode.bind(adapter);
  const apply = inner.apply.bind(adapter);
  const close = adapter.close.bind(adapter);
  /** What was encoded just now, and goes out next. */
  let ready: Pick<Emitted, 'place' | 'encoded'> | undefined;

  /** Whether it is kept here. As in Socket.IO's own adapters no event is that is volatile or wants an answer; those of rooms are in their history. */
  function isKept({ type, id, data }: EventPacket, flags: PacketOptions | undefined): boolean {
    if (mark === undefined || type !== packetType.event || id !== undefined || !Array.isArray(data)) return false;
    if (ofConnections.has(data[0])) return false;
    return flags?.volatile !== true && emittedEvent(data) === undefined;
  }

  /** What goes out with an event; nothing with those that want an answer. */
  function alongWith(packet: EventPacket, kept: string | undefined): Along | undefined {
    const { type, id, data } = packet;
    if (type !== packetType.event || id !== undefined || !Array.isArray(data)) return undefined;
    if (name !== '/') return kept === undefined ? undefined : new Along(kept, name);
    const event = emittedEvent(data);
    return alongOf(packet, data, event, kept ?? markOf(data, event));
  }

  /** A client would take the text at the end of an event for what it got last. */
  function markOf(data: readonly unknown[], event: ClientEvent | undefined): string | undefined {
    return mark && (event?.position ?? (typeof data.at(-1) === 'string' ? mark() : undefined));
  }

  function alongOf(
    packet: EventPacket,
    data: readonly unknown[],
    event: ClientEvent | undefined,
    own: string | undefined,
  ): Along | undefined {
    const more = event?.extra ?? none;
    if (own === undefined && more.length === 0) return undefined;
    return new Along(own, name, (options) => {
      const args = event === undefined ? data : [event.event, event.message, ...more];
      const marked = own === undefined || more.length > 0 ? args : [...args, own];
      return encode({ ...packet, nsp: name, data: marked }, options);
    });
  }

  function sendToOne(socket: Socket, packet: EventPacket, flags: PacketOptions | undefined): void {
    packet.nsp = name;
    // In other namespaces nobody comes back to its session.
    const place = isKept(packet, flags) && name === '/' ? emittedEvents.nextForOne() : undefined;
    const along = alongWith(packet, place && writePosition(place));
    const encoded = inner.encoder.encode(packet);
    const compress = flags?.compress;
    if (place !== undefined) {
      emittedEvents.wentToOne({ namespace: name, rooms: [socket.id], place, encoded: copied(encoded), compress });
    }
    give(socket, packet, encoded, { ...flags, along });
  }

  const own: Own = {
    broadcast(packet: EventPacket, options: BroadcastOptions) {
      // With recovery switched on Socket.IO sends what is for one socket to all nodes, for an adapter to remember; here its own node does.
      const [room] = options.rooms;
      const isForOne = options.rooms.size === 1 && (options.except?.size ?? 0) === 0;
      const socket = isForOne ? namespace.sockets.get(room as string) : undefined;
      const flags = options.flags as PacketOptions | undefined;
      // Whose session goes on elsewhere gets it there.
      if (socket !== undefined && !(isKept(packet, flags) && emittedEvents.hasMigrated(socket))) {
        sendToOne(socket, packet, flags);
        return;
      }
      const whose = options.flags?.local === true ? 'local' : 'own';
      const place = isKept(packet, flags) ? emittedEvents.next(name, whose) : undefined;
      broadcast(place === undefined ? packet : { ...packet, mark: writePosition(place) }, options);
    },
    // Where it is encoded for the clients of this node, whichever node sends it.
    _encode(packet, options) {
      ready = undefined;
      const place = isKept(packet, options)
        ? (readPosition(packet.mark) ?? emittedEvents.next(name, 'foreign'))
        : undefined;
      const along = alongWith(packet, place && writePosition(place));
      const encoded = encode(packet, options);
      if (along !== undefined) options.along = along;
      if (place !== undefined) ready = { place, encoded: copied(encoded) };
      return encoded;
    },
    apply(options, callback) {
      const event = ready;
      ready = undefined;
      if (event === undefined) {
        apply(options, callback);
        return;
      }
      const { rooms, except = none, flags } = options;
      const compress = flags?.compress;
      emittedEvents.went({ ...event, namespace: name, rooms: [...rooms], except: [...except], compress });
      apply(options, (socket) => {
        if (!emittedEvents.isElsewhere(socket, event.place)) callback(socket);
      });
    },
    // Socket.IO's own mark, which would hide ours.
    addOffsetIfNecessary() {},
    close() {
      emittedEvents.forget(name);
      return close();
    },
  };
  // The adapter over pub/sub would leave out what is for a room without members here, one of whom may come back here.
  if (mark !== undefined && 'hasRoom' in adapter) own.hasRoom = () => true;
  emittedEvents.open(namespace);
  Object.assign(adapter, own);
}

/** What Socket.IO itself does for one socket with what is encoded already; the two methods are its own, and not typed. */
function give(socket: Socket, packet: unknown, encoded: unknown, options: PacketOptions): void {
  const own = socket as unknown as { notifyOutgoingListeners(packet: unknown): void };
  const client = socket.client as unknown as { _packet(packet: unknown, options: object): void };
  own.notifyOutgoingListeners(packet);
  client._packet(encoded, { ...options, preEncoded: true, compress: options.compress !== false });
}

/** What is binary belongs to the program, which may write into it again. */
function copied(encoded: readonly (string | Buffer)[]): readonly (string | Buffer)[] {
  return encoded.length === 1 ? encoded : encoded.map((part) => (typeof part === 'string' ? part : Buffer.from(part)));
}

/** What is said of a connection: on another one it would be wrong. */
const ofConnections: ReadonlySet<unknown> = new Set([events.closing, events.welcome]);

const none: readonly never[] = [];
