import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** A response that is written without an HTTP server. */
export interface SocketResponse {
  readonly status: number;
  /** Besides `content-length` and `connection`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Responds on a connection that Node's HTTP server has released (an upgrade, CONNECT, an invalid request), and closes it. Does nothing if it is
 * closed already.
 */
export function respondOnSocket(socket: Duplex, { status, headers, body }: SocketResponse): void {
  // The connection may fail at any time.
  socket.on('error', ignore);
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  let head = `HTTP/1.1 ${status} ${reasonOf(status)}\r\n`;
  for (const [name, value] of Object.entries(headers)) head += `${name}: ${value}\r\n`;
  head += `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n`;
  // Unread bytes would make the kernel reset the connection, and the client would lose the response. A client may also keep its side open.
  socket.resume();
  socket.end(head + body, () => socket.destroy());
}

/** The reason phrase of a status. */
export function reasonOf(status: number): string {
  // 430 is not registered; gopush 0.1 sent it.
  return STATUS_CODES[status] ?? (status === 499 ? 'Client Closed Request' : 'Unidentified');
}

function ignore(): void {}
