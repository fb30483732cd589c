import type { IncomingHttpHeaders } from 'node:http';
import { agentHeader, clientAddress, createTrust, plainAddress } from '@gopush/contract';

/** Says from which address a client came, by the headers of its request and the address of the peer. */
export type AddressOf = (headers: Readonly<IncomingHttpHeaders>, peer: string) => string;

/**
 * Behind an agent it is what the agent says, and where that names a trusted proxy, what the proxy says. Without an agent it is the peer's.
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
