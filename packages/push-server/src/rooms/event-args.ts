import { type AboutMessage, events, type Position, writeMark } from '@gopush/contract';
import type { KeptMessage } from './kept-message.ts';
import { plainId } from './message-ids.ts';
import { nameOfClients } from './room-names.ts';

/**
 * The arguments of the event by which clients get a message: the event, the message, and what a client needs besides.
 * A kept message ends with its mark, by which agents follow the session; one that is not kept ends with {@link AboutMessage}, and one
 * with an id with the mark of its node, by which a client that comes back tells whether it has had it.
 *
 * @param position - `null`: it is not kept
 * @param senders - whether clients are told who published it
 * @param given - which of the node's deliveries it is, where it is not kept and has an id
 */
export function eventArgs(
  room: string,
  { event, message, sender, id }: KeptMessage,
  position: Position | null,
  senders: boolean,
  given?: Position,
): [event: string, ...args: unknown[]] {
  const name = nameOfClients(room);
  if (position !== null) {
    const mark = writeMark(position);
    const isPlain = name === undefined || (!senders && id === undefined);
    return isPlain ? [event, message, mark] : [event, message, about(name, senders, sender, id), mark];
  }
  // A message of a user's own room comes from a program, and names no room.
  const args: [string, ...unknown[]] = [event, message];
  if (name !== undefined) args.push(about(name, senders, sender, id));
  if (given !== undefined) args.push(writeMark(given));
  return args;
}

/** The event by which clients get a place instead of a message: they have had what stands there. */
export function passedArgs(room: string, position: Position): [event: string, ...args: unknown[]] {
  const name = nameOfClients(room);
  return [events.epoch, name === undefined ? { position } : { room: name, position }, writeMark(position)];
}

function about(room: string, senders: boolean, sender: string | undefined, id: string | undefined): AboutMessage {
  return { room, ...(senders ? { sender: sender ?? null } : {}), ...(id === undefined ? {} : { id: plainId(id) }) };
}
