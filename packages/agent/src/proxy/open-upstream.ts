import { type IncomingMessage, request as openRequest } from 'node:http';
import type { Socket } from 'node:net';
import { failed, type Result, success, type Target } from '@gopush/contract';
import { acceptOf } from '../handshake.ts';
import type { Connections } from './connections.ts';
import { failureOf } from './forward.ts';

/** What a target made of an upgrade request. */
export type Upstream =
  | { readonly kind: 'upgraded'; readonly answer: IncomingMessage; readonly socket: Socket; readonly head: Buffer }
  | { readonly kind: 'answered'; readonly answer: IncomingMessage };

/** What asking a target to upgrade needs. */
export interface UpstreamOptions {
  readonly target: Target;
  readonly path: string;
  readonly headers: readonly string[];
  /** The client's `Sec-WebSocket-Key`, which the target must have seen. */
  readonly key: string;
  readonly connections: Connections;
  /** Longest time until the target answers, in milliseconds. */
  readonly timeoutMs: number;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
}

/** Asks a target to upgrade. Anything but a correct 101 is given back to be relayed as the plain answer it is. */
export function openUpstream(options: UpstreamOptions): Promise<Result<Upstream>> {
  const { target, path, headers, key, connections, timeoutMs, signal } = options;
  return new Promise((resolve) => {
    const request = openRequest({
      host: target.host,
      port: target.port,
      method: 'GET',
      path,
      headers: [...headers, 'connection', 'Upgrade', 'upgrade', 'websocket'],
      agent: connections.single,
      setHost: false,
      signal,
    });
    const deadline = setTimeout(() => {
      resolve(failed('target_silent'));
      request.destroy();
    }, timeoutMs);
    request.on('error', (error) => {
      clearTimeout(deadline);
      resolve(failureOf(error));
    });
    request.once('response', (answer) => {
      clearTimeout(deadline);
      resolve(success({ kind: 'answered', answer }));
    });
    request.once('upgrade', (answer, stream, head) => {
      clearTimeout(deadline);
      const socket = stream as Socket;
      const { upgrade, 'sec-websocket-accept': accept } = answer.headers;
      if (upgrade?.toLowerCase() === 'websocket' && accept === acceptOf(key)) {
        resolve(success({ kind: 'upgraded', answer, socket, head }));
        return;
      }
      socket.on('error', () => {});
      socket.destroy();
      resolve(failed('target_bad_answer', `${target.name} answered 101 without a matching sec-websocket-accept`));
    });
    request.end();
  });
}
