import type { TakenConnection } from '@gopush/hand-off';
import { type EngineConnection, unreadBytes, webSocketOf } from '@gopush/slim-socket-io';
import { takenConnectionOf } from '../../hand-off/joined-connection.ts';

/** "Policy violation" (RFC 6455 section 7.4.1), as agents close a client that forges what only they may send. */
const policyViolation = 1008;

/** The connection of a client itself, if an agent has handed it over; `undefined`: the agent is in between. */
export function takenOf(conn: EngineConnection): TakenConnection | undefined {
  const socket = webSocketOf(conn)?._socket;
  return socket && takenConnectionOf(socket);
}

/** Reads nothing more from a client, after what has come already. */
export function stopReading(conn: EngineConnection): void {
  webSocketOf(conn)?.pause();
}

/** Reads on after {@link stopReading}. */
export function readOn(conn: EngineConnection): void {
  webSocketOf(conn)?.resume();
}

/** Closes a client that sends what only an agent may send. */
export function closeForger(conn: EngineConnection): void {
  webSocketOf(conn)?.close(policyViolation, 'forged mark');
}

/**
 * Gives a connection back to its agent, with what was read too far.
 *
 * @param isMidEvent - whether a part of an event has been decoded, which no other server could continue @returns `false` if that is impossible, for
 * example because something waits to be written: the connection is cut, and its client comes back by itself
 */
export async function giveBack(conn: EngineConnection, taken: TakenConnection, isMidEvent: boolean): Promise<boolean> {
  const { socket } = taken;
  stopReading(conn);
  const webSocket = webSocketOf(conn);
  const unread = webSocket && unreadBytes(webSocket);
  const isWhole = !isMidEvent && unread !== undefined && socket.writableLength === 0 && !socket.destroyed;
  // What has come to the paused socket goes along, and `read` tells listeners even of that.
  socket.removeAllListeners('data');
  const isGiven = isWhole && (await taken.leave(unread));
  if (!isGiven) socket.destroy();
  return isGiven;
}
