import { Socket } from 'node:net';
import type { Outlet } from './outlet.ts';

/** What an upgrade is answered, until it leaves. */
interface HeldAnswer {
  outlet: Outlet | undefined;
  readonly timer: NodeJS.Timeout;
}

/** Few at a time: each is sent within the time that its caller gives. */
const held = new Map<Socket, HeldAnswer>();

/**
 * Keeps what is written to a connection that is about to be upgraded until {@link sendAnswer}, so that the `101`, the opening of Engine.IO and what is
 * sent first leave in one write. Each write costs more than the bytes in it, and wakes the other side.
 *
 * @param ms - for how long at most, in milliseconds
 */
export function holdAnswer(socket: object, ms: number): void {
  // Others, as those of TLS, have writes of their own beneath.
  if (!(socket instanceof Socket) || socket.constructor !== Socket || held.has(socket)) return;
  socket.cork();
  held.set(socket, { outlet: undefined, timer: setTimeout(sendAnswer, ms, socket) });
}

/** Sends what {@link holdAnswer} has kept, if it keeps anything. */
export function sendAnswer(socket: Socket): void {
  const answer = held.get(socket);
  if (answer === undefined) return;
  held.delete(socket);
  clearTimeout(answer.timer);
  answer.outlet?.letGo();
  socket.uncork();
}

/** What is written through an outlet belongs to the answer of its connection, if that is kept. */
export function addToAnswer(socket: Socket, outlet: Outlet): void {
  const answer = held.get(socket);
  if (answer === undefined) return;
  answer.outlet = outlet;
  outlet.keep();
}
