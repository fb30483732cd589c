import { type IncomingMessage, ServerResponse } from 'node:http';
import { failureBody, failures, resumeHeader } from '@gopush/contract';
import type { Server } from 'socket.io';

/**
 * Refuses handshakes while there are as many connections as there may be, before any session exists, so that the agent in front can ask
 * another push-server: it knows by the header.
 *
 * @param most - connections; 0: no limit
 */
export function refuseBeyond(io: Server, most: number, onRefused: () => void): void {
  if (most === 0) return;
  io.engine.use((request: IncomingMessage, response: unknown, next: () => void) => {
    const { _query: query } = request as IncomingMessage & { _query: { sid?: string } };
    // One that goes on from elsewhere has been let in before, and its session has been taken already.
    const isResumed = request.headers.upgrade !== undefined && request.headers[resumeHeader] !== undefined;
    if (query.sid !== undefined || isResumed || io.engine.clientsCount < most) {
      next();
      return;
    }
    onRefused();
    // For an upgrade Engine.IO gives something that is no response.
    if (response instanceof ServerResponse) response.writeHead(http, headers).end(body);
    else {
      const { socket } = request;
      // One that does not end its side would stay otherwise.
      socket
        .on('error', () => {})
        .resume()
        .end(upgradeAnswer, () => socket.destroy());
    }
  });
}

const code = 'too_many_connections';
const { http } = failures[code];
const body = JSON.stringify(failureBody(code));
const headers = {
  'content-type': 'application/json; charset=utf-8',
  'content-length': String(Buffer.byteLength(body)),
  'cache-control': 'no-store',
  'retry-after': '1',
  'x-gopush-error': code,
  connection: 'close',
};
const upgradeAnswer = `HTTP/1.1 ${http} Service Unavailable\r\n${Object.entries(headers)
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join('')}\r\n${body}`;
