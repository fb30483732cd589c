import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import {
  agentHeader,
  type Identity,
  noUser,
  plainAddress,
  productHeader,
  type RouteEntry,
  requestIdHeader,
  type SignedHeaders,
  signatureHeader,
  signIdentity,
  type Target,
  uidHeader,
  vouchHeader,
  writeIdentity,
} from '@gopush/contract';
import { endToEnd } from './end-to-end.ts';
import { addForwarded, isOfProxy } from './forwarded.ts';
import type { RequestOrigin } from './request-origin.ts';
import { isReserved } from './reserved.ts';

/** Writes the headers by which targets learn of clients. */
export interface HeaderWriter {
  /**
   * The headers for a target: the client's end-to-end headers as they arrived, without those that clients may not set, then ours.
   *
   * Headers named in `Connection` are removed before ours are added, so that a client cannot remove ours.
   */
  forTarget(received: Received, identity: Identity, target: Target): string[];
  /** The part that comes from the request. The identity is separate, because its signature expires. */
  ofRequest(received: Received): string[];
  /** The part that identifies the client. */
  ofIdentity(identity: Identity, id: string, target: Target): string[];
}

/** A request that headers are written for. */
interface Received {
  readonly request: IncomingMessage;
  readonly origin: RequestOrigin;
  readonly destination: { readonly entry: RouteEntry | undefined };
}

/** What writing headers needs. */
export interface HeaderOptions {
  /** Name of this agent. */
  readonly agent: string;
  /** The first signs identities; none: they are not signed. */
  readonly secrets: readonly string[];
  /** How long a signature may be used, in milliseconds. */
  readonly identityTtlMs: number;
}

/** Prepares the writing of headers. */
export function createHeaderWriter({ agent, secrets, identityTtlMs }: HeaderOptions): HeaderWriter {
  const [secret] = secrets;
  return {
    forTarget: (received, identity, target) => [
      ...ofRequest(received),
      ...ofIdentity(identity, received.origin.id, target),
    ],
    ofRequest,
    ofIdentity,
  };

  function ofIdentity(identity: Identity, id: string, { authority, audience = authority }: Target): string[] {
    const headers = writeIdentity(identity);
    // Signed without a uid as well, so that none can be added or removed.
    const uid = identity.uid === noUser ? '' : (headers[1] as string);
    const product = headers.at(-1) as string;
    headers.push(vouchHeader, '1', agentHeader, agent, requestIdHeader, id);
    if (secret !== undefined) {
      const signed = { [uidHeader]: uid, [productHeader]: product, [agentHeader]: agent, [requestIdHeader]: id };
      headers.push(
        signatureHeader,
        signIdentity(secret, signed as SignedHeaders, Date.now() + identityTtlMs, audience),
      );
    }
    return headers;
  }
}

function ofRequest({ request, origin: { trusted }, destination: { entry } }: Received): string[] {
  const passes = trusted
    ? (name: string) => !isReserved(name) || isOfProxy(name, entry)
    : (name: string) => !isReserved(name);
  const headers = endToEnd(request.rawHeaders, passes);
  addForwarded(headers, request, trusted, entry);
  if (request.headers.host === undefined) headers.push('host', addressAskedOf(request));
  return headers;
}

/**
 * The host of an HTTP/1.0 request without one: the address to which its client is connected. It is forwarded as HTTP/1.1, in which servers refuse
 * requests without a host (RFC 9112 section 3.2), and some an empty one.
 */
function addressAskedOf({ socket: { localAddress, localPort } }: IncomingMessage): string {
  const address = plainAddress(localAddress);
  return `${isIPv6(address) ? `[${address}]` : address}:${localPort}`;
}
