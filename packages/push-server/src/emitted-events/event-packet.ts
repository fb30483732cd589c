import { events } from '@gopush/contract';
import { packetType } from '@gopush/slim-socket-io';
import { emittedEvent } from '../emit/emit-event.ts';
import { EventForms, type PacketOptions } from '../emit/event-forms.ts';
import type { ClientEvent } from '../rooms/delivery/client-event.ts';

/** A packet, of which events matter here. */
export interface EventPacket {
  readonly type: number;
  readonly id?: number;
  readonly data?: unknown;
  nsp?: string;
  /**
   * The place of an event in the stream of the node that sends it, as text: other nodes get it along with the packet.
   */
  readonly mark?: unknown;
}

/** The arguments of an event that wants no ack; `undefined` for any other packet. */
function argumentsOf({ type, id, data }: EventPacket): readonly unknown[] | undefined {
  return type === packetType.event && id === undefined && Array.isArray(data) ? data : undefined;
}

/**
 * Whether an event is kept for clients that return. Volatile events and events that want an ack are not, as in
 * Socket.IO's own adapters. Events of rooms are kept in the history of their room.
 */
export function isKeepable(packet: EventPacket, flags: PacketOptions | undefined): boolean {
  const args = argumentsOf(packet);
  if (args === undefined || ofConnections.has(args[0])) return false;
  return flags?.volatile !== true && emittedEvent(args) === undefined;
}

/** What the forms of events of a namespace are made with. */
export interface FormsContext {
  readonly namespace: string;
  /** The position of the next delivery of this node; absent if clients cannot come back to their sessions. */
  readonly position: (() => string) | undefined;
  readonly encode: (packet: EventPacket, options: PacketOptions) => readonly (string | Buffer)[];
}

/**
 * The forms of an event; `undefined`: it has one only, as one that wants an ack.
 *
 * @param kept - its position in its stream, if it is kept
 */
export function formsOf(packet: EventPacket, kept: string | undefined, context: FormsContext): EventForms | undefined {
  const args = argumentsOf(packet);
  if (args === undefined) return undefined;
  const { namespace, position } = context;
  if (namespace !== '/') return kept === undefined ? undefined : new EventForms(kept, namespace);
  const event = emittedEvent(args);
  return mainFormsOf(packet, event, kept ?? (position && positionOf(args, event, position)), context);
}

/** Without a position a client would take a text at the end of an event for the last position. */
function positionOf(
  args: readonly unknown[],
  event: ClientEvent | undefined,
  position: () => string,
): string | undefined {
  return event?.position ?? (typeof args.at(-1) === 'string' ? position() : undefined);
}

function mainFormsOf(
  packet: EventPacket,
  event: ClientEvent | undefined,
  own: string | undefined,
  { namespace, encode }: FormsContext,
): EventForms | undefined {
  const more = event?.extra ?? none;
  if (own === undefined && more.length === 0) return undefined;
  return new EventForms(own, namespace, (options) => {
    const args = event === undefined ? (packet.data as readonly unknown[]) : [event.event, event.message, ...more];
    const all = own === undefined || more.length > 0 ? args : [...args, own];
    return encode({ ...packet, nsp: namespace, data: all }, options);
  });
}

/** Events about a connection: on another one they would be wrong. */
const ofConnections: ReadonlySet<unknown> = new Set([events.closing, events.welcome]);

const none: readonly never[] = [];
