import type { Socket } from 'node:net';
import type { Cluster, Redis } from 'ioredis';

/** Beginning of the error with which ioredis ends a connection whose server does not reply in time (`socketTimeout`). */
const silence = 'Socket timeout';

/**
 * Keeps a connection whose replies arrived while the event loop of this process was blocked. Overdue timers run before anything is read, so
 * ioredis would take the server for silent and fail all its commands.
 */
export function forgivePauses(client: Redis | Cluster): void {
  if (client.isCluster) client.on('+node', forgivePauses);
  else client.on('connect', () => forgive((client as unknown as { readonly stream: Socket }).stream));
}

function forgive(stream: Socket): void {
  const destroy = stream.destroy.bind(stream);
  stream.destroy = (error) => {
    if (error?.message.startsWith(silence) !== true) return destroy(error);
    const { bytesRead } = stream;
    // After that, everything that has arrived by now was read.
    setImmediate(() => {
      if (stream.bytesRead === bytesRead) destroy(error);
    });
    return stream;
  };
}
