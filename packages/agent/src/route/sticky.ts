import type { IncomingMessage } from 'node:http';
import { type ProductPolicy, stickyCookie } from '@gopush/contract';

/** How a session that may begin is told which target it is on. */
export interface SessionMark {
  /** For the target, which puts it at the end of the session's id. */
  readonly header: string | undefined;
  /** For the client. */
  readonly cookie: string | undefined;
}

/** The mark for a request by which a session may begin; `undefined` where none does. */
export function markFor(
  request: IncomingMessage,
  sticky: ProductPolicy['sticky'],
  issue: () => string,
): SessionMark | undefined {
  if (sticky === 'none') return undefined;
  const { url = '/' } = request;
  // An Engine.IO handshake: it names the protocol, and no session yet.
  if (url.includes('EIO=') && !url.includes('sid=')) {
    const mark = issue();
    return { header: mark, cookie: sticky === 'cookie' ? cookieOf(mark) : undefined };
  }
  if (sticky === 'sid' || request.headers.cookie?.includes(`${stickyCookie}=`)) return undefined;
  return { header: undefined, cookie: cookieOf(issue()) };
}

function cookieOf(mark: string): string {
  return `${stickyCookie}=${mark}; Path=/; HttpOnly; SameSite=Lax`;
}
