import { failed, isPageAllowed, type Result } from '@gopush/contract';
import type { AgentRequest } from './agent-request.ts';
import type { AgentContext } from './context.ts';
import type { RequestOrigin } from './proxy/headers.ts';

/** Refuses a request that a page of another origin has its browser send; `undefined`: it does not. */
export function checkPage(
  { headers }: AgentRequest,
  { trusted }: RequestOrigin,
  { config }: Pick<AgentContext, 'config'>,
): Result<never> | undefined {
  const forwarded = trusted ? headers['x-forwarded-host'] : undefined;
  const publicHost = typeof forwarded === 'string' ? forwarded : headers.host;
  if (isPageAllowed(headers, config.access.allowedOrigins, publicHost)) return undefined;
  return failed('origin_refused', headers.origin ?? `a page of another ${headers['sec-fetch-site']} origin`);
}

/** Engine.IO's long-polling, which carries what a WebSocket would; the client library beside it is for all pages. */
const polling = /^\/socket\.io\/(?!socket\.io(?:\.msgpack|\.esm)?(?:\.min)?\.js(?:\.map)?(?:\?|$))|[?&]EIO=/;

/** Whether an HTTP request stands for a WebSocket, and so wants the same look at its page. Other requests have CORS of their targets. */
export function isPolling(url: string): boolean {
  return polling.test(url);
}
