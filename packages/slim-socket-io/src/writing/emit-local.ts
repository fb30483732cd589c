import type { Namespace } from 'socket.io';

/**
 * Emits to the clients of this process that are in any of these rooms and in none of the excepted ones; no rooms mean all clients.
 * The event is encoded once, and in a server with joined writes (see `write-fast.ts`) the one frame goes straight to each client.
 */
export function emitLocal(
  namespace: Namespace,
  rooms: Iterable<string>,
  except: Iterable<string>,
  [event, ...args]: readonly [string, ...unknown[]],
): void {
  namespace.local
    .to([...rooms])
    .except([...except])
    .emit(event, ...args);
}
