import { type AboutMessage, type Position, writeMark } from '@gopush/contract';
import type { KeptMessage } from './kept-message.ts';
import { nameOfClients } from './room-names.ts';

/**
 * The arguments of the event by which clients get a message: the event, the message, and what a client needs besides.
 * A kept message ends with its mark, by which agents follow the session; one that is not kept ends with {@link AboutMessage}.
 *
 * @param position - `null`: it is not kept
 * @param senders - whether clients are told who published it
 */
export function eventArgs(
  room: string,
  { event, message, sender }: KeptMessage,
  position: Position | null,
  senders: boolean,
): [event: string, ...args: unknown[]] {
  const name = nameOfClients(room);
  if (position !== null) {
    const mark = writeMark(position);
    return senders && name !== undefined ? [event, message, about(name, sender), mark] : [event, message, mark];
  }
  // A message of a user's own room comes from a program, and names no room.
  if (name === undefined) return [event, message];
  return [event, message, senders ? about(name, sender) : { room: name }];
}

function about(room: string, sender: string | undefined): AboutMessage {
  return { room, sender: sender ?? null };
}
