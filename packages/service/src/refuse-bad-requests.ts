import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** Why bytes are no request that a listener takes; each is a code of the failure table. */
export type BadRequest = 'headers_too_large' | 'method_unsupported' | 'request_malformed' | 'request_timeout';

const codes: Readonly<Record<string, BadRequest>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

/**
 * Has bytes that are no request refused with a code, and CONNECT, which Node would close without a response.
 *
 * @param refuse - answers on the connection and closes it; where it cannot be written to any more as well
 */
export function refuseBadRequests(server: Server, refuse: (socket: Socket, code: BadRequest) => void): void {
  server.on('connect', (_request, socket) => {
    socket.on('error', () => socket.destroy());
    refuse(socket as Socket, 'method_unsupported');
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // What comes after the last response is nobody's request.
    if (error.code === 'ECONNRESET' || (socket as Socket).writableEnded) socket.destroy();
    else refuse(socket as Socket, codes[error.code ?? ''] ?? 'request_malformed');
  });
}
