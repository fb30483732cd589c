import type { IncomingMessage } from 'node:http';
import {
  type Identity,
  isHandshake,
  readSid,
  readStickySignature,
  type StickySignatures,
  stickyCookie,
} from '@gopush/contract';
import type { Exchange } from './exchange.ts';
import type { Member } from './fleet.ts';

/** How a session that may begin is bound to its target: by signatures that name its target. */
export interface StickySignature {
  /** For the target, which puts it at the end of the session's id. */
  readonly header: string | undefined;
  /** For the client: a `Set-Cookie`. */
  readonly cookie: string | undefined;
}

/**
 * Whether a session begins with this request: an Engine.IO handshake, or an upgrade that belongs to no session of
 * Engine.IO. Of other requests this is not known.
 */
export function beginsSession({ url = '/', headers }: IncomingMessage): boolean {
  return isHandshake(url) || (headers.upgrade !== undefined && readSid(url) === undefined);
}

/** The sticky signature for a request by which a session may begin at a target; `undefined` if none begins, or the client has it already. */
export function stickySignatureFor(
  { request, destination: { entry } }: Pick<Exchange, 'request' | 'destination'>,
  { product: name, uid }: Identity,
  { target, product }: Member,
  signatures: StickySignatures,
): StickySignature | undefined {
  const { sticky } = product.policy;
  if (sticky === 'none') return undefined;
  const { url = '/', headers } = request;
  // Products with paths of their own have cookies of their own, unless a proxy in front took a part of the path away.
  const path = entry === undefined || headers['x-forwarded-prefix'] !== undefined ? '' : entry.path;
  if (isHandshake(url)) {
    const signed = signatures.issue(name, target.name, uid);
    return { header: signed, cookie: sticky === 'cookie' ? cookieOf(signed, path) : undefined };
  }
  if (sticky === 'sid') return undefined;
  const given = request.cookies[stickyCookie];
  const signed = given === undefined ? undefined : readStickySignature(given);
  // The signature of another target, or of one that is gone, has to be replaced.
  return signed !== undefined && signatures.matches(signed, name, target.name, uid)
    ? undefined
    : { header: undefined, cookie: cookieOf(signatures.issue(name, target.name, uid), path) };
}

function cookieOf(signed: string, path: string): string {
  return `${stickyCookie}=${signed}; Path=${path || '/'}; HttpOnly; SameSite=Lax`;
}
