import { type AboutMessage, events, type Position, writePosition } from '@gopush/contract';
import type { Publication } from '../codec/publication.ts';
import { publisherIdOf } from '../idempotency/idempotency-key.ts';
import { nameOfClients } from '../names/room-names.ts';

/** An event of a room or user, in the forms in which clients get it. */
export interface ClientEvent {
  readonly event: string;
  readonly message: unknown;
  /** Arguments after the message for clients that asked for them by `go:marks`. */
  readonly extra: readonly unknown[];
  /** Arguments after the message for all others. */
  readonly always: readonly unknown[];
  /** The position by which a client tells later that it got this event; `undefined` if it cannot come back to it. */
  readonly position: string | undefined;
}

/**
 * The event of a message that is kept. Every client gets the event and the message, and with `pushServer.senders` who published it. Clients
 * that asked for more get {@link AboutMessage}, if it says something, and the position last of all.
 *
 * @param senders - whether clients get the sender of each message
 */
export function keptEvent(room: string, publication: Publication, position: Position, senders: boolean): ClientEvent {
  const { event, message, id } = publication;
  const written = writePosition(position);
  const name = nameOfClients(room);
  // A message of a user's own room comes from a program, and names no room.
  if (name === undefined || (!senders && id === undefined)) {
    return { event, message, extra: [written], always: none, position: written };
  }
  const about = aboutOf(name, publication, senders);
  return { event, message, extra: [about, written], always: senders ? [about] : none, position: written };
}

/**
 * The event of a message that is not kept: as {@link keptEvent}, and clients that asked for more always get {@link AboutMessage}.
 *
 * @param delivery - if the message has an id: which of the node's deliveries this is. A client that comes back tells by it whether it had
 * this message.
 */
export function unkeptEvent(
  room: string,
  publication: Publication,
  senders: boolean,
  delivery: Position | undefined,
): ClientEvent {
  const { event, message } = publication;
  const written = delivery === undefined ? undefined : writePosition(delivery);
  const positions = written === undefined ? none : [written];
  const name = nameOfClients(room);
  if (name === undefined) return { event, message, extra: positions, always: none, position: written };
  const about = aboutOf(name, publication, senders);
  return { event, message, extra: [about, ...positions], always: senders ? [about] : none, position: written };
}

/** The event by which clients get a position instead of a message: they had the message before. */
export function positionEvent(room: string, position: Position): ClientEvent {
  const name = nameOfClients(room);
  const written = writePosition(position);
  const message = name === undefined ? { position } : { room: name, position };
  return { event: events.epoch, message, extra: [written], always: none, position: written };
}

/** An event about the history of a room, such as a gap. */
export function historyEvent(event: string, room: string, position: Position): ClientEvent {
  return { event, message: { room, position }, extra: none, always: none, position: undefined };
}

const none: readonly unknown[] = [];

function aboutOf(room: string, { sender, id }: Publication, senders: boolean): AboutMessage {
  return {
    room,
    ...(senders ? { sender: sender ?? null } : {}),
    ...(id === undefined ? {} : { id: publisherIdOf(id) }),
  };
}
