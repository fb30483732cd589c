import type { Socket } from 'socket.io';

/** Where a socket keeps how many acks its handlers owe to its client. */
const owed = Symbol('owed acks');
type Owing = Socket & { [owed]?: number };

/** A client emits an event and asks for an ack. */
export function oweAck(socket: Owing | undefined): void {
  if (socket !== undefined) socket[owed] = (socket[owed] ?? 0) + 1;
}

/** An ack is sent to the client. */
export function ackSent(socket: Owing | undefined): void {
  if (socket?.[owed] !== undefined && socket[owed] > 0) socket[owed]--;
}

/** How many acks these sockets owe. */
export function owedAcks(sockets: Iterable<Owing>): number {
  let sum = 0;
  for (const socket of sockets) sum += socket[owed] ?? 0;
  return sum;
}
