import type { IncomingHttpHeaders } from 'node:http';
import { BlockList, isIP, isIPv4 } from 'node:net';
import { agentHeader } from '@gopush/contract';

/** Says from which address a client came, by the headers of its request and the address of the peer. */
export type AddressOf = (headers: Readonly<IncomingHttpHeaders>, peer: string) => string;

/**
 * Behind an agent it is the nearest address in `X-Forwarded-For` that no trusted proxy has: what stands before it anyone may have
 * written. Without an agent it is the peer's.
 *
 * @param trustedProxies - networks in CIDR notation (RFC 4632), already checked
 */
export function createAddressOf(trustedProxies: readonly string[]): AddressOf {
  // A list for each family: in a common one an address of IPv4 would be found in ::/0 as well.
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const network of trustedProxies) {
    const [address = '', bits] = network.split('/');
    lists[familyOf(address)].addSubnet(address, Number(bits), familyOf(address));
  }
  return (headers, peer) => {
    if (headers[agentHeader] === undefined) return plain(peer);
    const addresses = String(headers['x-forwarded-for'] ?? '')
      .split(',')
      .map((one) => plain(one.trim()))
      .filter((one) => isIP(one) !== 0);
    const nearest = addresses.findLast((one) => !lists[familyOf(one)].check(one, familyOf(one)));
    return nearest ?? addresses[0] ?? plain(peer);
  };
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6';
}

/** An address of IPv4 that came in through a socket of IPv6 (RFC 4291 section 2.5.5.2) as the IPv4 it is. */
function plain(address: string): string {
  return address.startsWith('::ffff:') && isIPv4(address.slice(7)) ? address.slice(7) : address;
}
