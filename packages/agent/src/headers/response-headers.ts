import { drainingHeader, sessionTokenHeader } from '@gopush/contract';
import type { ResponseHead } from '../wire/response-head.ts';
import { endToEnd } from './end-to-end.ts';

/**
 * The end-to-end headers of a target's response, for the client.
 *
 * @param trails - whether the client can be sent trailers after it
 */
export function responseHeaders({ status, headers: raw }: ResponseHead, trails: boolean): string[] {
  let hasLength = status < 200 || status === 204;
  const headers = endToEnd(raw, (name) => {
    if (name === 'trailer') return trails;
    if (name === 'content-length') {
      // Left out if none may be (RFC 9110 section 8.6); a repeated one is sent once.
      if (hasLength) return false;
      hasLength = true;
    }
    // Migration and stopping of targets are for agents, not for clients.
    return !name.startsWith(sessionTokenHeader) && name !== drainingHeader;
  });
  const essential = essentials.get(status);
  for (let index = 0; essential !== undefined && index + 1 < raw.length; index += 2) {
    if (raw[index]?.toLowerCase() === essential) headers.push(raw[index] as string, raw[index + 1] as string);
  }
  return headers;
}

/** The header that a status must have, although it is for one connection (RFC 9110 sections 15.5.8 and 15.5.22). */
const essentials: ReadonlyMap<number, string> = new Map([
  [407, 'proxy-authenticate'],
  [426, 'upgrade'],
]);
