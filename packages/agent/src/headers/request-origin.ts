import type { IncomingMessage } from 'node:http';
import { clientAddress, plainAddress, requestIdHeader, type Trust } from '@gopush/contract';
import { createRequestIds, readRequestId } from './request-id.ts';

/** Where a request comes from. */
export interface RequestOrigin {
  /** Address of the client. */
  readonly address: string;
  /** Whether the peer is a trusted proxy, whose headers about its client are believed. */
  readonly trusted: boolean;
  /** Id of the request, the same in the logs of all tiers. */
  readonly id: string;
}

/** Finds where a request comes from. */
export type OriginOf = (request: IncomingMessage) => RequestOrigin;

/**
 * Finds where requests come from: by the headers of a trusted proxy in front, otherwise by the connection.
 *
 * @param trusts - whose `X-Forwarded-For` and request id are believed
 */
export function createOriginOf(trusts: Trust): OriginOf {
  const nextId = createRequestIds();
  return ({ socket, headers }) => {
    const peer = plainAddress(socket.remoteAddress);
    const trusted = trusts(peer);
    const address = trusted ? clientAddress(headers['x-forwarded-for'], peer, trusts) : peer;
    const given = trusted ? readRequestId(headers[requestIdHeader]) : undefined;
    return { address, trusted, id: given ?? nextId() };
  };
}
