import type { IncomingHttpHeaders } from 'node:http';
import { agentHeader, clientAddress, createTrust, plainAddress } from '@gopush/contract';

/** The address of a client, by the headers of its request and the address of the peer. */
export type AddressOf = (headers: Readonly<IncomingHttpHeaders>, peer: string) => string;

/**
 * Behind an agent, the address is the one that the agent forwards; if that is a trusted proxy, the one that the
 * proxy forwards. Without an agent, it is that of the peer.
 *
 * @param trustedProxies - networks in CIDR notation (RFC 4632), already checked
 */
export function createAddressOf(trustedProxies: readonly string[]): AddressOf {
  const trusts = createTrust(trustedProxies);
  return (headers, peer) =>
    headers[agentHeader] === undefined
      ? plainAddress(peer)
      : clientAddress(headers['x-forwarded-for'], plainAddress(peer), trusts);
}
