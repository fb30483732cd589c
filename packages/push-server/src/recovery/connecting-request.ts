import type { IncomingMessage } from 'node:http';

/** The request of the client that is entering a namespace just now. */
let connecting: IncomingMessage | undefined;

/**
 * Lets a client enter a namespace. Socket.IO asks for the session of a client without telling who asks; it does so
 * before `enter` returns, and {@link connectingRequest} returns it.
 */
export function enterAs(request: IncomingMessage, enter: () => void): void {
  connecting = request;
  try {
    enter();
  } finally {
    connecting = undefined;
  }
}

/** The request of the client that enters; `undefined` if Socket.IO first waits, as for dynamic namespaces. */
export function connectingRequest(): IncomingMessage | undefined {
  return connecting;
}
