import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { failed, type Result, success } from '@gopush/contract';
import { hasBody } from './request-framing.ts';

/** A valid WebSocket handshake: the key that the target must respond to. */
export interface Handshake {
  readonly key: string;
}

/** Checks a client's opening handshake (RFC 6455 section 4.2.1), as leniently as `ws` does. */
export function parseHandshake(request: IncomingMessage): Result<Handshake> {
  const { headers, method, url } = request;
  if (method !== 'GET') return failed('upgrade_malformed', `method ${method}, wanted GET`);
  // As for HTTP requests: another form could name another host.
  if (!url?.startsWith('/')) return failed('upgrade_malformed', 'the request target is not a path');
  if (hasBody(request)) return failed('upgrade_malformed', 'a handshake must not have a body');
  if (!versions.has(Number(headers['sec-websocket-version']))) return failed('upgrade_version');
  const key = headers['sec-websocket-key'];
  if (key === undefined || !base64Of16Bytes.test(key)) {
    return failed('upgrade_malformed', 'sec-websocket-key is not 16 bytes in base64');
  }
  return success({ key });
}

/** Frames are the same in both versions. */
const versions: ReadonlySet<number> = new Set([8, 13]);

/**
 * Not canonical base64 only: the last character has four spare bits, which libraries for small devices leave set. Keys are only hashed, never
 * decoded.
 */
const base64Of16Bytes = /^[A-Za-z0-9+/]{22}==$/;

/** The `Sec-WebSocket-Accept` for a key (RFC 6455 section 4.2.2, step 5.4). */
export function acceptOf(key: string): string {
  return hash('sha1', `${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`, 'base64');
}
