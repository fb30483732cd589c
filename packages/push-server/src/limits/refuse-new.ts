import { type IncomingMessage, ServerResponse } from 'node:http';
import { failureBody, failures, resumeHeader } from '@gopush/contract';
import type { Server } from 'socket.io';

/** Why a push-server takes no new sessions just now. */
type Refusal = 'too_many_connections' | 'overloaded';

/**
 * Refuses handshakes before any session exists, and before hooks are asked. The agent in front knows by the header why: of one with too many
 * connections it asks another push-server, and of one with too much to do fewer at a time.
 *
 * @param refusal - asked for each handshake; `undefined`: it is welcome
 */
export function refuseNew(io: Server, refusal: () => Refusal | undefined, onRefused: (code: Refusal) => void): void {
  io.engine.use((request: IncomingMessage, response: unknown, next: () => void) => {
    const { _query: query } = request as IncomingMessage & { _query: { sid?: string } };
    // One that goes on from elsewhere has been let in before, and its session has been taken already.
    const isResumed = request.headers.upgrade !== undefined && request.headers[resumeHeader] !== undefined;
    const code = query.sid !== undefined || isResumed ? undefined : refusal();
    if (code === undefined) {
      next();
      return;
    }
    onRefused(code);
    const { http, headers, body, upgrade } = answers[code];
    // For an upgrade Engine.IO gives something that is no response.
    if (response instanceof ServerResponse) response.writeHead(http, headers).end(body);
    else {
      const { socket } = request;
      // One that does not end its side would stay otherwise.
      socket
        .on('error', () => {})
        .resume()
        .end(upgrade, () => socket.destroy());
    }
  });
}

const answers = { too_many_connections: answerOf('too_many_connections'), overloaded: answerOf('overloaded') } as const;

function answerOf(code: Refusal) {
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
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return { http, headers, body, upgrade: `HTTP/1.1 ${http} Service Unavailable\r\n${lines.join('')}\r\n${body}` };
}
