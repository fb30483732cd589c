import { Socket } from 'node:net';
import type { Outlet } from './outlet.ts';

/** The response to an upgrade that waits to be sent. */
interface WaitingResponse {
  outlet: Outlet | undefined;
  readonly timer: NodeJS.Timeout;
}

/** Few at a time: each is sent within the time that its caller gives. */
const waiting = new Map<Socket, WaitingResponse>();

/**
 * Keeps what is written to a connection that is about to be upgraded until {@link sendUpgradeResponse}, so that the `101`, the opening of
 * Engine.IO and what is sent first leave in one write. Each write costs more than the bytes in it, and wakes the other side.
 *
 * @param ms - for how long at most, in milliseconds
 */
export function holdUpgradeResponse(socket: object, ms: number): void {
  // Others, as those of TLS, have writes of their own beneath.
  if (!(socket instanceof Socket) || socket.constructor !== Socket || waiting.has(socket)) return;
  socket.cork();
  waiting.set(socket, { outlet: undefined, timer: setTimeout(sendUpgradeResponse, ms, socket) });
}

/** Sends what {@link holdUpgradeResponse} has kept, if it keeps anything. */
export function sendUpgradeResponse(socket: Socket): void {
  const response = waiting.get(socket);
  if (response === undefined) return;
  waiting.delete(socket);
  clearTimeout(response.timer);
  response.outlet?.letGo();
  socket.uncork();
}

/** Bytes that are written through an outlet join the response of its connection, if that waits. */
export function addToUpgradeResponse(socket: Socket, outlet: Outlet): void {
  const response = waiting.get(socket);
  if (response === undefined) return;
  response.outlet = outlet;
  outlet.keep();
}
