import type { IncomingMessage } from 'node:http';
import {
  type Identity,
  isHandshake,
  type ProductPolicy,
  type RouteEntry,
  readSid,
  readStickyMark,
  type StickyMarks,
  stickyCookie,
} from '@gopush/contract';

/** How a session that may begin is told which target it is on. */
export interface SessionMark {
  /** For the target, which puts it at the end of the session's id. */
  readonly header: string | undefined;
  /** For the client. */
  readonly cookie: string | undefined;
}

/** What marks a session with one target. */
export interface Marker {
  issue(): string;
  /** Whether a mark is of this target. */
  matches(mark: string): boolean;
}

/**
 * Whether a session begins with this request: an Engine.IO handshake, or an upgrade that belongs to no session of Engine.IO. Of other
 * requests nobody can tell.
 */
export function beginsSession({ url = '/', headers }: IncomingMessage): boolean {
  return isHandshake(url) || (headers.upgrade !== undefined && readSid(url) === undefined);
}

/**
 * The mark for a request by which a session may begin; `undefined` where none does.
 *
 * @param given - the mark in the client's cookie
 */
export function markFor(
  { url = '/', headers }: IncomingMessage,
  entry: RouteEntry | undefined,
  sticky: ProductPolicy['sticky'],
  given: string | undefined,
  marker: Marker,
): SessionMark | undefined {
  if (sticky === 'none') return undefined;
  // Products with paths of their own have cookies of their own, unless a proxy in front took a part of the path away.
  const path = entry === undefined || headers['x-forwarded-prefix'] !== undefined ? '' : entry.path;
  if (isHandshake(url)) {
    const mark = marker.issue();
    return { header: mark, cookie: sticky === 'cookie' ? cookieOf(mark, path) : undefined };
  }
  if (sticky === 'sid') return undefined;
  const mark = given === undefined ? undefined : readStickyMark(given);
  // One of another target, or of none that is there any more, would keep the client nowhere.
  return mark !== undefined && marker.matches(mark)
    ? undefined
    : { header: undefined, cookie: cookieOf(marker.issue(), path) };
}

/** What marks the sessions of a client on one target. */
export function markerOf(marks: StickyMarks, { product, uid }: Identity, target: string): Marker {
  return {
    issue: () => marks.issue(product, target, uid),
    matches: (mark) => marks.matches(mark, product, target, uid),
  };
}

function cookieOf(mark: string, path: string): string {
  return `${stickyCookie}=${mark}; Path=${path || '/'}; HttpOnly; SameSite=Lax`;
}
