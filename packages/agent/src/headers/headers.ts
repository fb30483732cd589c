import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import type { TLSSocket } from 'node:tls';
import {
  agentHeader,
  clientAddress,
  drainingHeader,
  type Identity,
  identityHeaderPrefix,
  noUser,
  plainAddress,
  productHeader,
  type RouteEntry,
  requestIdHeader,
  type SignedHeaders,
  sessionTokenHeader,
  signatureHeader,
  signIdentity,
  type Target,
  type Trust,
  uidHeader,
  vouchHeader,
  writeIdentity,
} from '@gopush/contract';
import { foldName } from '../wire/field.ts';
import type { AnswerHead } from '../wire/response-head.ts';
import { createRequestIds, readRequestId } from './request-id.ts';

/** Headers as Node gives them raw: names and values in turn, as they came. */
export type RawHeaders = readonly string[];

/** Headers that mean only the connection they came on (RFC 9110 section 7.6.1), besides those that `Connection` names. */
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** Writes the headers by which targets learn of clients. */
export interface HeaderWriter {
  /** Where a request comes from, and its id: what a trusted proxy in front says, else what is seen here. */
  origin(request: IncomingMessage): RequestOrigin;
  /**
   * The headers for a target: the client's end-to-end headers as they came, without what a client may not claim, then ours.
   *
   * What `Connection` names goes before ours are added: otherwise a client could have them removed.
   */
  forTarget(
    request: IncomingMessage,
    identity: Identity,
    origin: RequestOrigin,
    target: Target,
    entry?: RouteEntry,
  ): string[];
  /** Those of them that come from the request, without the identity, which is signed for a time only. */
  ofRequest(request: IncomingMessage, origin: RequestOrigin, entry?: RouteEntry): string[];
  /** Those of them that say who the client is. */
  ofIdentity(identity: Identity, id: string, target: Target): string[];
}

/** Where a request comes from. */
export interface RequestOrigin {
  /** Address of the client. */
  readonly address: string;
  /** Whether who is connected here is believed. */
  readonly trusted: boolean;
  /** The same in the logs of all tiers. */
  readonly id: string;
}

/** What writing headers needs. */
export interface HeaderOptions {
  /** Name of this agent. */
  readonly agent: string;
  /** Whose `X-Forwarded-…`, `Forwarded` and `X-Real-IP` are continued rather than replaced. */
  readonly trusts: Trust;
  /** The first signs identities; none: they are not signed. */
  readonly secrets: readonly string[];
  /** How long a signature may be used, in milliseconds. */
  readonly identityTtlMs: number;
}

/** Prepares the writing of headers. */
export function createHeaderWriter({ agent, trusts, secrets, identityTtlMs }: HeaderOptions): HeaderWriter {
  const nextId = createRequestIds();
  const [secret] = secrets;
  return {
    origin({ socket, headers }) {
      const peer = plainAddress(socket.remoteAddress);
      const trusted = trusts(peer);
      const address = trusted ? clientAddress(headers['x-forwarded-for'], peer, trusts) : peer;
      const given = trusted ? readRequestId(headers[requestIdHeader]) : undefined;
      return { address, trusted, id: given ?? nextId() };
    },
    forTarget: (request, identity, origin, target, entry) => [
      ...ofRequest(request, origin, entry),
      ...ofIdentity(identity, origin.id, target),
    ],
    ofRequest,
    ofIdentity,
  };

  function ofIdentity(identity: Identity, id: string, { authority, audience = authority }: Target): string[] {
    const headers = writeIdentity(identity);
    // Signed without a uid as well: nobody can put one in, or take one out.
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

  function ofRequest(request: IncomingMessage, { trusted }: RequestOrigin, entry?: RouteEntry): string[] {
    const passes = trusted
      ? (name: string) => !isOurs(name) || isOfProxy(name, entry)
      : (name: string) => !isOurs(name);
    const headers = withoutHopByHop(request.rawHeaders, passes);
    const given = trusted ? request.headers : nothing;
    const peer = plainAddress(request.socket.remoteAddress);
    const before = given['x-forwarded-for'];
    headers.push('x-forwarded-for', before === undefined ? peer : `${before}, ${peer}`);
    const ownProto = (request.socket as TLSSocket).encrypted ? 'https' : 'http';
    headers.push('x-forwarded-proto', firstOf(given['x-forwarded-proto']) ?? ownProto);
    const host = firstOf(given['x-forwarded-host']) ?? request.headers.host;
    if (host !== undefined) headers.push('x-forwarded-host', host);
    if (entry?.stripPath) headers.push('x-forwarded-prefix', (firstOf(given['x-forwarded-prefix']) ?? '') + entry.path);
    if (given.forwarded !== undefined) headers.push('forwarded', `${given.forwarded}, for=${nodeOf(peer)}`);
    if (request.headers.host === undefined) headers.push('host', addressAskedOf(request));
    return headers;
  }
}

const nothing: IncomingHttpHeaders = {};

/**
 * What a client means that names no host, in HTTP/1.0: the address to which it is connected. What goes on is HTTP/1.1, in which servers refuse
 * none (RFC 9112 section 3.2), and some an empty one.
 */
function addressAskedOf({ socket: { localAddress, localPort } }: IncomingMessage): string {
  const address = plainAddress(localAddress);
  return `${isIPv6(address) ? `[${address}]` : address}:${localPort}`;
}

/** An address as `Forwarded` has it (RFC 7239 section 6). */
function nodeOf(address: string): string {
  return isIPv6(address) ? `"[${address}]"` : address;
}

/**
 * Whether a header is a trusted proxy's word about its client that goes on as it is, under the one name that proxies set. What is
 * continued is written anew, and under another spelling it may be the client's.
 */
function isOfProxy(name: string, entry: RouteEntry | undefined): boolean {
  if (name === 'x-real-ip') return true;
  if (!/^x-forwarded-[a-z0-9-]+$/.test(name) || continued.has(name)) return false;
  return name !== 'x-forwarded-prefix' || entry?.stripPath !== true;
}

const continued: ReadonlySet<string> = new Set(['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host']);

function firstOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

/**
 * The end-to-end headers of a target's answer.
 *
 * @param trails - whether the client can be sent trailers after it
 */
export function answerHeaders({ status, headers: raw }: AnswerHead, trails: boolean): string[] {
  let hasLength = status < 200 || status === 204;
  const headers = withoutHopByHop(raw, (name) => {
    if (name === 'trailer') return trails;
    if (name === 'content-length') {
      // Not where none may be (RFC 9110 section 8.6), and the same one once.
      if (hasLength) return false;
      hasLength = true;
    }
    // What targets tell agents of resuming and stopping is no client's business.
    return !name.startsWith(sessionTokenHeader) && name !== drainingHeader;
  });
  const essential = essentials.get(status);
  for (let index = 0; essential !== undefined && index + 1 < raw.length; index += 2) {
    if (raw[index]?.toLowerCase() === essential) headers.push(raw[index] as string, raw[index + 1] as string);
  }
  return headers;
}

/** What a status must come with, though it is for one connection (RFC 9110 sections 15.5.8 and 15.5.22). */
const essentials: ReadonlyMap<number, string> = new Map([
  [407, 'proxy-authenticate'],
  [426, 'upgrade'],
]);

/** The trailers of a target's answer that may go on. */
export function answerTrailers({ headers }: AnswerHead, raw: RawHeaders): string[] {
  return trailersAfter(headers, raw);
}

/** The end-to-end headers among these that pass; one of several values stays several. */
function withoutHopByHop(raw: RawHeaders, passes: (name: string) => boolean, head: RawHeaders = raw): string[] {
  const named = namedByConnection(head);
  const headers: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] as string;
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || named?.has(lower) || !passes(lower)) continue;
    headers.push(name, raw[index + 1] as string);
  }
  return headers;
}

/** The trailers of a request that may go on. */
export function requestTrailers({ rawHeaders, rawTrailers }: IncomingMessage): string[] {
  return trailersAfter(rawHeaders, rawTrailers);
}

function trailersAfter(head: RawHeaders, raw: RawHeaders): string[] {
  return withoutHopByHop(raw, (name) => !isOurs(name) && !onlyInHeads.has(foldName(name)), head);
}

/**
 * What has no place in trailers, besides what is for one connection (RFC 9110 section 6.5.1): it frames the message, routes or changes the
 * request, says who someone is, or how the content is to be taken.
 */
const onlyInHeads: ReadonlySet<string> = new Set([
  'age',
  'authorization',
  'cache-control',
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'expires',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'location',
  'max-forwards',
  'origin',
  'pragma',
  'proxy-authenticate',
  'proxy-authorization',
  'range',
  'retry-after',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'vary',
  'warning',
  'www-authenticate',
]);

/** What a client may not claim, since targets believe us. */
function isOurs(given: string): boolean {
  const name = foldName(given);
  return (
    name.startsWith(identityHeaderPrefix) ||
    name === vouchHeader ||
    name.startsWith('x-forwarded-') ||
    name === 'x-forwarded' ||
    name === 'forwarded' ||
    name.startsWith('forwarded-') ||
    name === 'x-real-ip' ||
    name === requestIdHeader ||
    // Already answered on this connection, by Node.
    name === 'expect' ||
    // CGI makes of it a setting of the server: by which proxy it asks others (CVE-2016-5385).
    name === 'proxy' ||
    // Under another name it says how long the body is, to a target that takes it for the same.
    (name !== given && framing.has(name))
  );
}

/** What says how long a message is, and whose. */
const framing: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding']);

function namedByConnection(raw: RawHeaders): Set<string> | undefined {
  let named: Set<string> | undefined;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    if ((raw[index] as string).toLowerCase() !== 'connection') continue;
    for (const name of (raw[index + 1] as string).split(',')) {
      const lower = name.trim().toLowerCase();
      if (lower === '' || lower === 'keep-alive' || lower === 'close' || lower === 'upgrade') continue;
      // Without its length a body would be taken for the next request; without a host nobody answers.
      if (lower === 'content-length' || lower === 'host') continue;
      named ??= new Set();
      named.add(lower);
    }
  }
  return named;
}
