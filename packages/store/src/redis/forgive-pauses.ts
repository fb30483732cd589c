import type { Socket } from 'node:net';
import { Cluster, type Redis } from 'ioredis';

/** How the error begins with which ioredis ends a connection whose server owes an answer for too long (`socketTimeout`). */
const silence = 'Socket timeout';

/**
 * Keeps a connection whose answers came while the event loop of this process stood still: overdue timers run before anything is read, so that
 * ioredis would take the server for silent, and fail all that it was asked.
 */
export function forgivePauses(client: Redis | Cluster): void {
  if (client instanceof Cluster) client.on('+node', forgivePauses);
  else client.on('connect', () => forgive((client as unknown as { readonly stream: Socket }).stream));
}

function forgive(stream: Socket): void {
  const destroy = stream.destroy.bind(stream);
  stream.destroy = (error) => {
    if (error?.message.startsWith(silence) !== true) return destroy(error);
    const { bytesRead } = stream;
    // When what has arrived by now is read.
    setImmediate(() => {
      if (stream.bytesRead === bytesRead) destroy(error);
    });
    return stream;
  };
}
