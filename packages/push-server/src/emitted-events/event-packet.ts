import { events } from '@gopush/contract';
import { packetType } from '@gopush/slim-socket-io';
import { Along, type PacketOptions } from '../emit/along.ts';
import { emittedEvent } from '../emit/emit-event.ts';
import type { ClientEvent } from '../rooms/delivery/client-event.ts';

/** A packet, of which events matter here. */
export interface EventPacket {
  readonly type: number;
  readonly id?: number;
  readonly data?: unknown;
  nsp?: string;
  /** The place of an event in the stream of the node that sends it, as text: other nodes get it along with the packet. */
  readonly mark?: unknown;
}

/** The arguments of an event that wants no ack; `undefined` for any other packet. */
function argumentsOf({ type, id, data }: EventPacket): readonly unknown[] | undefined {
  return type === packetType.event && id === undefined && Array.isArray(data) ? data : undefined;
}

/**
 * Whether an event is kept for clients that return. As in Socket.IO's own adapters no event is that is volatile or wants an ack. Events of rooms are
 * kept in the history of their room.
 */
export function isKeepable(packet: EventPacket, flags: PacketOptions | undefined): boolean {
  const args = argumentsOf(packet);
  if (args === undefined || ofConnections.has(args[0])) return false;
  return flags?.volatile !== true && emittedEvent(args) === undefined;
}

/** What goes out with events of a namespace. */
export interface AlongContext {
  readonly namespace: string;
  /** The position of the next delivery of this node; absent where clients cannot come back to their sessions. */
  readonly position: (() => string) | undefined;
  readonly encode: (packet: EventPacket, options: PacketOptions) => readonly (string | Buffer)[];
}

/**
 * What goes out with an event; nothing with one that wants an ack.
 *
 * @param kept - its position in its stream, where it is kept
 */
export function alongWith(packet: EventPacket, kept: string | undefined, context: AlongContext): Along | undefined {
  const args = argumentsOf(packet);
  if (args === undefined) return undefined;
  const { namespace, position } = context;
  if (namespace !== '/') return kept === undefined ? undefined : new Along(kept, namespace);
  const event = emittedEvent(args);
  return alongOf(packet, event, kept ?? (position && positionOf(args, event, position)), context);
}

/** Without a position a client would take a text at the end of an event for the last position. */
function positionOf(
  args: readonly unknown[],
  event: ClientEvent | undefined,
  position: () => string,
): string | undefined {
  return event?.position ?? (typeof args.at(-1) === 'string' ? position() : undefined);
}

function alongOf(
  packet: EventPacket,
  event: ClientEvent | undefined,
  own: string | undefined,
  { namespace, encode }: AlongContext,
): Along | undefined {
  const more = event?.extra ?? none;
  if (own === undefined && more.length === 0) return undefined;
  return new Along(own, namespace, (options) => {
    const args = event === undefined ? (packet.data as readonly unknown[]) : [event.event, event.message, ...more];
    const marked = own === undefined || more.length > 0 ? args : [...args, own];
    return encode({ ...packet, nsp: namespace, data: marked }, options);
  });
}

/** Events about a connection: on another one they would be wrong. */
const ofConnections: ReadonlySet<unknown> = new Set([events.closing, events.welcome]);

const none: readonly never[] = [];
