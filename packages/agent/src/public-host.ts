import type { IncomingMessage } from 'node:http';
import type { RequestOrigin } from './proxy/headers.ts';

/** What the client calls this server, perhaps with a port: a trusted proxy in front may have put another `Host` in its place. */
export function publicHost(
  { headers }: IncomingMessage,
  { trusted }: Pick<RequestOrigin, 'trusted'>,
): string | undefined {
  const forwarded = trusted ? headers['x-forwarded-host'] : undefined;
  if (typeof forwarded !== 'string') return headers.host;
  const [first = ''] = forwarded.split(',', 1);
  return first.trim();
}
