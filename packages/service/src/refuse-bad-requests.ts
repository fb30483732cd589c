import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** Why bytes are not a valid request; each is a failure code. */
export type BadRequest = 'headers_too_large' | 'method_unsupported' | 'request_malformed' | 'request_timeout';

const codes: Readonly<Record<string, BadRequest>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

/**
 * Refuses bytes that are not a valid request, and CONNECT, with a failure code. Node would close a CONNECT without a response.
 *
 * @param refuse - responds on the connection and closes it; also called if the connection is not writable any more
 */
export function refuseBadRequests(server: Server, refuse: (socket: Socket, code: BadRequest) => void): void {
  server.on('connect', (_request, socket) => {
    socket.on('error', () => socket.destroy());
    refuse(socket as Socket, 'method_unsupported');
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // Bytes after the last response belong to no request.
    if (error.code === 'ECONNRESET' || (socket as Socket).writableEnded) socket.destroy();
    else refuse(socket as Socket, codes[error.code ?? ''] ?? 'request_malformed');
  });
}
