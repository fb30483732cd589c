import type { Socket } from 'node:net';
import { responseHeaders } from '../../headers/response-headers.ts';
import type { ResponseHead } from '../../wire/response-head.ts';
import { writeHead } from '../../wire/write-head.ts';
import { upgradeHeaders } from './upgrade-headers.ts';

/**
 * The 101 for a client, from the one of its target. Of a client that is handed over, the process of the target writes it
 * (`hand-off/src/taker/taken.ts`).
 *
 * @param cookie - a `Set-Cookie` that keeps the client at its target
 */
export function composeSwitchingProtocols(head: ResponseHead, cookie: string | undefined): string {
  const ours = cookie === undefined ? upgradeHeaders : ['set-cookie', cookie, ...upgradeHeaders];
  return writeHead(head.status, head.reason, [...responseHeaders(head, false), ...ours]);
}

/** Writes the 101 to a client whose tunnel is open. */
export function writeSwitchingProtocols(client: Socket, switching: string): void {
  client.write(switching, 'latin1');
}
