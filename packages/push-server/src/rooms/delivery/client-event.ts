import { type AboutMessage, events, type Position, writePosition } from '@gopush/contract';
import type { Saying } from '../../emit/saying.ts';
import type { Publication } from '../codec/publication.ts';
import { publisherIdOf } from '../idempotency/idempotency-key.ts';
import { nameOfClients } from '../names/room-names.ts';

/**
 * How clients get a message: the event and the message, and with `pushServer.senders` who published it. Clients that asked for marks get
 * more: {@link AboutMessage} where it is not kept or has an id, and its mark last of all. One that is not kept and has an id ends with the mark of
 * its node, by which a client that comes back tells whether it has had it.
 *
 * @param position - `null`: it is not kept
 * @param senders - whether clients are told who published it
 * @param given - which of the node's deliveries it is, where it is not kept and has an id
 */
export function messageEvent(
  room: string,
  { event, message, sender, id }: Publication,
  position: Position | null,
  senders: boolean,
  given?: Position,
): Saying {
  const name = nameOfClients(room);
  const place = position ?? given;
  const mark = place === undefined ? undefined : writePosition(place);
  const marks = mark === undefined ? [] : [mark];
  // A message of a user's own room comes from a program, and names no room.
  if (name === undefined) return { event, message, extra: marks, always: none, mark };
  const about = aboutOf(name, senders, sender, id);
  const isPlain = position !== null && !senders && id === undefined;
  return { event, message, extra: isPlain ? marks : [about, ...marks], always: senders ? [about] : none, mark };
}

/** The event by which clients get a place instead of a message: they have had what stands there. */
export function positionEvent(room: string, position: Position): Saying {
  const name = nameOfClients(room);
  const mark = writePosition(position);
  const message = name === undefined ? { position } : { room: name, position };
  return { event: events.epoch, message, extra: [mark], always: none, mark };
}

/** What is said of the history of a room. */
export function historyEvent(event: string, room: string, position: Position): Saying {
  return { event, message: { room, position }, extra: none, always: none, mark: undefined };
}

const none: readonly unknown[] = [];

function aboutOf(room: string, senders: boolean, sender: string | undefined, id: string | undefined): AboutMessage {
  return {
    room,
    ...(senders ? { sender: sender ?? null } : {}),
    ...(id === undefined ? {} : { id: publisherIdOf(id) }),
  };
}
