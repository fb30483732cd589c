import type { Socket } from 'socket.io';

/**
 * The reason of `disconnecting` and `disconnect` where the session goes on at another push-server. A `string`, since Socket.IO's own type lists
 * its own reasons alone.
 */
export const migratedReason: string = 'migrated';

/**
 * Whether the client of a socket was connected before, at another push-server, and has not noticed that it is here now: its session migrated in a
 * planned restart, or failed over after a crash. Handlers of `connection` and middlewares, in any namespace, use it to do nothing that others
 * notice: nobody has come. The push-server before tells its handlers `disconnect` with the reason `migrated`, unless it crashed.
 *
 * A client that lost its connection and came back has `socket.recovered` instead, where its session was found.
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
