import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { failed, type Result, success } from '@gopush/contract';

/** A WebSocket handshake that is in order: the key that the target must answer to. */
export interface Handshake {
  readonly key: string;
}

/** Checks a client's opening handshake (RFC 6455 section 4.2.1). */
export function parseHandshake(request: IncomingMessage): Result<Handshake> {
  const { headers, method, url, httpVersionMajor, httpVersionMinor } = request;
  if (headers.upgrade?.toLowerCase() !== 'websocket') return failed('upgrade_unsupported');
  if (method !== 'GET') return failed('upgrade_malformed', `method ${method}, wanted GET`);
  // As on the HTTP line: what is no path could name another host, or hide the uid that is added to it.
  if (!url?.startsWith('/') || url.includes('#'))
    return failed('upgrade_malformed', 'the request target is not a path');
  if (httpVersionMajor !== 1 || httpVersionMinor < 1) return failed('upgrade_malformed', 'wanted HTTP/1.1');
  if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) {
    return failed('upgrade_malformed', 'a handshake has no body');
  }
  if (headers['sec-websocket-version'] !== '13') return failed('upgrade_version');
  const key = headers['sec-websocket-key'];
  // 16 bytes in base64.
  if (key === undefined || !/^[A-Za-z0-9+/]{21}[AQgw]==$/.test(key)) {
    return failed('upgrade_malformed', 'sec-websocket-key is not 16 bytes in base64');
  }
  return success({ key });
}

/** What a target must answer to a key (RFC 6455 section 4.2.2, step 5.4). */
export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}
