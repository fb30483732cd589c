import { responseHeaders } from '../../headers/response-headers.ts';
import type { ResponseHead } from '../../wire/response-head.ts';
import { writeHead } from '../../wire/write-head.ts';
import { upgradeHeaders } from './upgrade-headers.ts';

/** The 101 for a client, from the one of its target. @param cookie - a `Set-Cookie` that keeps the client at its target */
export function switchingProtocolsHead(head: ResponseHead, cookie: string | undefined): string {
  const ours = cookie === undefined ? upgradeHeaders : ['set-cookie', cookie, ...upgradeHeaders];
  return writeHead(head.status, head.reason, [...responseHeaders(head, false), ...ours]);
}
