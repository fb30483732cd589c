import type { Socket } from 'socket.io';

/**
 * The reason of `disconnecting` and `disconnect` when the session continues at another push-server. Its type is
 * `string`, since Socket.IO's type lists Socket.IO's own reasons alone.
 */
export const migratedReason: string = 'migrated';

/**
 * Whether the client of a socket was connected to another push-server before, and has not noticed the change: its session migrated in a planned
 * restart, or failed over after a crash. Handlers of `connection` and middlewares, in any namespace, use it so that they do not announce a client
 * that was connected all the time. Handlers at the push-server before get `disconnect` with the reason `migrated`, unless it crashed.
 *
 * A client that lost its connection and reconnected has `socket.recovered` instead, if its session was found.
 *
 * @example
 * io.on('connection', (socket) => {
 *   if (!isMigrated(socket)) socket.to('chat').emit('joined', socket.data.name);
 *   socket.on('disconnect', (reason) => {
 *     if (reason !== migratedReason) io.to('chat').emit('left', socket.data.name);
 *   });
 * });
 */
export function isMigrated(socket: Socket): boolean {
  // A hook file may have a copy of this function.
  const { hadBefore } = socket.client as unknown as { hadBefore?(this: unknown, socket: string): boolean };
  return hadBefore?.call(socket.client, socket.id) === true;
}
